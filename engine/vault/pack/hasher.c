/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hasher.h"

#include "log.h"

#include <openssl/evp.h>
#include <string.h>
#ifdef HAVE_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

struct VkHasher {
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
#ifdef HAVE_IPSEC_MB
	gboolean opened;  /* when they are first worth it */
	IMB_MGR *lanes;   /* NULL: this processor has none */
	guint worthwhile; /* from how many blocks on lanes are faster than one block at a time */
#endif
};

static void hash_one(VkHasher *hasher, VkHashed *block)
{
	if (!EVP_DigestInit_ex2(hasher->digest, hasher->sha256, NULL) ||
	    !EVP_DigestUpdate(hasher->digest, block->data, block->length) ||
	    !EVP_DigestFinal_ex(hasher->digest, block->id.bytes, NULL))
		g_error("libcrypto cannot compute SHA-256");
}

#ifdef HAVE_IPSEC_MB

/*
 * One pass takes as long for one block as for one in each lane. There are 16 lanes with AVX-512, 8
 * with AVX2, and 2 with AVX2 of the second type, that uses the processor's own SHA instructions, as
 * libcrypto does for one block.
 */
#define WORTHWHILE_AVX512 6
#define WORTHWHILE_AVX2   4
#define WORTHWHILE_MIN    MIN(WORTHWHILE_AVX512, WORTHWHILE_AVX2)

static void close_lanes(VkHasher *hasher)
{
	g_clear_pointer(&hasher->lanes, free_mb_mgr);
}

static guint count_completed(const IMB_JOB *job)
{
	return job && job->status == IMB_STATUS_COMPLETED ? 1 : 0;
}

/* Hashes at most VK_HASHER_LANES whole blocks. FALSE: not all of them have an id. */
static gboolean run_lanes(VkHasher *hasher, VkHashed *blocks, guint count)
{
	const IMB_JOB *done;
	guint completed = 0;

	for (guint i = 0; i < count; i++) {
		IMB_JOB *job = IMB_GET_NEXT_JOB(hasher->lanes);

		*job = (IMB_JOB){
			.cipher_mode = IMB_CIPHER_NULL,
			.cipher_direction = IMB_DIR_ENCRYPT,
			.chain_order = IMB_ORDER_HASH_CIPHER,
			.hash_alg = IMB_AUTH_SHA_256,
			.src = blocks[i].data,
			.msg_len_to_hash_in_bytes = blocks[i].length,
			.auth_tag_output = blocks[i].id.bytes,
			.auth_tag_output_len_in_bytes = VK_BLOCK_ID_SIZE,
		};
		/*
		 * The check would refuse what is longer than 65534 bytes, a limit of other
		 * algorithms. Hence are_lanes_right().
		 */
		completed += count_completed(IMB_SUBMIT_JOB_NOCHECK(hasher->lanes));
	}
	while ((done = IMB_FLUSH_JOB(hasher->lanes)))
		completed += count_completed(done);
	return completed == count;
}

static gboolean is_pass_right(VkHasher *hasher, VkHashed *blocks, const VkBlockId *ids, guint count)
{
	for (guint i = 0; i < count; i++)
		blocks[i].id = (VkBlockId){0};
	if (!run_lanes(hasher, blocks, count))
		return FALSE;
	for (guint i = 0; i < count; i++)
		if (memcmp(&blocks[i].id, &ids[i], sizeof(ids[i])) != 0)
			return FALSE;
	return TRUE;
}

/*
 * Whether lanes have the same ids as libcrypto on this processor and with this version of the
 * library: in passes of all sizes, and in a full one again. Only whole blocks are hashed by lanes.
 */
static gboolean are_lanes_right(VkHasher *hasher)
{
	g_autofree guint8 *data = g_malloc((gsize)VK_HASHER_LANES * VK_BLOCK_SIZE);
	VkHashed blocks[VK_HASHER_LANES];
	VkBlockId ids[VK_HASHER_LANES];

	for (gsize i = 0; i < (gsize)VK_HASHER_LANES * VK_BLOCK_SIZE; i++)
		data[i] = (guint8)(i * 167 + i / 251);
	for (guint i = 0; i < VK_HASHER_LANES; i++) {
		blocks[i].data = data + (gsize)i * VK_BLOCK_SIZE;
		blocks[i].length = VK_BLOCK_SIZE;
		hash_one(hasher, &blocks[i]);
		ids[i] = blocks[i].id;
	}
	for (guint count = VK_HASHER_LANES; count >= hasher->worthwhile; count--)
		if (!is_pass_right(hasher, blocks, ids, count))
			return FALSE;
	return is_pass_right(hasher, blocks, ids, VK_HASHER_LANES);
}

static gboolean has_all(const VkHasher *hasher, guint64 features)
{
	return (hasher->lanes->features & features) == features;
}

/*
 * Sets up the lanes that this processor has, if they are faster than libcrypto. Whether the system
 * lets us use the registers is known to the compiler's library, the rest to libIPSec_MB.
 */
static gboolean set_up_lanes(VkHasher *hasher)
{
	if (__builtin_cpu_supports("avx512bw") && has_all(hasher, IMB_CPUFLAGS_AVX512)) {
		hasher->worthwhile = WORTHWHILE_AVX512;
		init_mb_mgr_avx512(hasher->lanes);
	} else if (__builtin_cpu_supports("avx2") && has_all(hasher, IMB_CPUFLAGS_AVX2) &&
		   (has_all(hasher, IMB_CPUFLAGS_AVX2_T2) || !has_all(hasher, IMB_FEATURE_SHANI))) {
		hasher->worthwhile = WORTHWHILE_AVX2;
		init_mb_mgr_avx2(hasher->lanes);
	} else {
		return FALSE;
	}
	return imb_get_errno(hasher->lanes) == 0;
}

/* One at a time: the library notes the processor's features and its last error in globals. */
static void open_lanes(VkHasher *hasher)
{
	static GMutex mutex;
	static gboolean tried, right; /* under the mutex */
	gboolean usable;

	g_mutex_lock(&mutex);
	hasher->lanes = alloc_mb_mgr(0);
	usable = hasher->lanes && set_up_lanes(hasher);
	if (!tried) {
		right = usable && are_lanes_right(hasher);
		vk_log_debug(
			right ? "blocks are hashed side by side"
			      : "blocks are hashed one by one: libIPSec_MB cannot, or is slower");
		tried = TRUE;
	}
	if (!usable || !right)
		close_lanes(hasher);
	g_mutex_unlock(&mutex);
}

/* FALSE: it is better done block by block. */
static gboolean hash_in_lanes(VkHasher *hasher, VkHashed *blocks, guint count)
{
	if (count < WORTHWHILE_MIN)
		return FALSE;
	if (!hasher->opened)
		open_lanes(hasher);
	hasher->opened = TRUE;
	if (!hasher->lanes || count < hasher->worthwhile)
		return FALSE;
	for (guint i = 0; i < count; i++)
		if (blocks[i].length != VK_BLOCK_SIZE)
			return FALSE;
	if (!run_lanes(hasher, blocks, count))
		g_error("libIPSec_MB cannot compute SHA-256");
	return TRUE;
}

#else

static void close_lanes(VkHasher *hasher)
{
}

static gboolean hash_in_lanes(VkHasher *hasher, VkHashed *blocks, guint count)
{
	return FALSE;
}

#endif

VkHasher *vk_hasher_new(void)
{
	VkHasher *hasher = g_new0(VkHasher, 1);

	hasher->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	hasher->digest = EVP_MD_CTX_new();
	g_assert(hasher->sha256 && hasher->digest);
	return hasher;
}

void vk_hasher_free(VkHasher *hasher)
{
	if (!hasher)
		return;
	EVP_MD_free(hasher->sha256);
	EVP_MD_CTX_free(hasher->digest);
	close_lanes(hasher);
	g_free(hasher);
}

void vk_hasher_run(VkHasher *hasher, VkHashed *blocks, guint count)
{
	for (guint i = 0; i < count; i += VK_HASHER_LANES) {
		guint part = MIN(count - i, VK_HASHER_LANES);

		if (hash_in_lanes(hasher, &blocks[i], part))
			continue;
		for (guint j = i; j < i + part; j++)
			hash_one(hasher, &blocks[j]);
	}
}

VkBlockId vk_hasher_id(VkHasher *hasher, const void *data, gsize length)
{
	VkHashed block = {.data = data, .length = length};

	vk_hasher_run(hasher, &block, 1);
	return block.id;
}
