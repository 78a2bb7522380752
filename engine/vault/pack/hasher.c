/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hasher.h"

#include "log.h"
#include "secret.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#ifdef HAVE_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

struct VkHasher {
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	EVP_MAC_CTX *hmac; /* NULL: plain SHA-256 */
	VkKey *key;        /* of HMAC, or NULL */
#ifdef HAVE_IPSEC_MB
	gboolean opened;  /* when they are first worth it */
	IMB_MGR *lanes;   /* NULL: this processor has none */
	guint worthwhile; /* from how many blocks on lanes are faster than one block at a time */
	guint32 inner[8], outer[8]; /* SHA-256 after the key's block, of both passes of HMAC */
#endif
};

static gboolean digest_one(VkHasher *hasher, VkHashed *block)
{
	return EVP_DigestInit_ex2(hasher->digest, hasher->sha256, NULL) &&
	       EVP_DigestUpdate(hasher->digest, block->data, block->length) &&
	       EVP_DigestFinal_ex(hasher->digest, block->id.bytes, NULL);
}

static gboolean authenticate_one(VkHasher *hasher, VkHashed *block)
{
	gsize length;

	return EVP_MAC_init(hasher->hmac, NULL, 0, NULL) &&
	       EVP_MAC_update(hasher->hmac, block->data, block->length) &&
	       EVP_MAC_final(hasher->hmac, block->id.bytes, &length, VK_BLOCK_ID_SIZE);
}

static void hash_one(VkHasher *hasher, VkHashed *block)
{
	if (!(hasher->hmac ? authenticate_one(hasher, block) : digest_one(hasher, block)))
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
			.hash_alg = hasher->key ? IMB_AUTH_HMAC_SHA_256 : IMB_AUTH_SHA_256,
			.u.HMAC._hashed_auth_key_xor_ipad = (const guint8 *)hasher->inner,
			.u.HMAC._hashed_auth_key_xor_opad = (const guint8 *)hasher->outer,
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

/* The two blocks that HMAC begins with (RFC 2104), hashed once. */
static void hash_key(VkHasher *hasher)
{
	guint8 inner[IMB_SHA_256_BLOCK_SIZE], outer[IMB_SHA_256_BLOCK_SIZE];

	for (guint i = 0; i < IMB_SHA_256_BLOCK_SIZE; i++) {
		guint8 byte = i < VK_KEY_SIZE ? hasher->key->bytes[i] : 0;

		inner[i] = byte ^ 0x36;
		outer[i] = byte ^ 0x5c;
	}
	IMB_SHA256_ONE_BLOCK(hasher->lanes, inner, hasher->inner);
	IMB_SHA256_ONE_BLOCK(hasher->lanes, outer, hasher->outer);
	OPENSSL_cleanse(inner, sizeof(inner));
	OPENSSL_cleanse(outer, sizeof(outer));
}

/* One at a time: the library notes the processor's features and its last error in globals. */
static void open_lanes(VkHasher *hasher)
{
	static GMutex mutex;
	static struct {
		gboolean tried, right;
	} plain, keyed; /* under the mutex */
	gboolean usable, *tried = hasher->key ? &keyed.tried : &plain.tried;
	gboolean *right = hasher->key ? &keyed.right : &plain.right;

	g_mutex_lock(&mutex);
	hasher->lanes = alloc_mb_mgr(0);
	usable = hasher->lanes && set_up_lanes(hasher);
	if (usable && hasher->key)
		hash_key(hasher);
	if (!*tried) {
		*right = usable && are_lanes_right(hasher);
		vk_log_debug(
			*right ? "blocks are hashed side by side"
			       : "blocks are hashed one by one: libIPSec_MB cannot, or is slower");
		*tried = TRUE;
	}
	if (!usable || !*right)
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

static EVP_MAC_CTX *new_hmac(const VkKey *key)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
	char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	if (!context || !EVP_MAC_init(context, key->bytes, VK_KEY_SIZE, parameters))
		g_error("libcrypto cannot compute HMAC-SHA-256");
	EVP_MAC_free(mac);
	return context;
}

VkHasher *vk_hasher_new(const VkKey *key)
{
	VkHasher *hasher = g_new0(VkHasher, 1);

	hasher->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	hasher->digest = EVP_MD_CTX_new();
	g_assert(hasher->sha256 && hasher->digest);
	if (key) {
		hasher->key = vk_secure_new(sizeof(VkKey));
		*hasher->key = *key;
		hasher->hmac = new_hmac(key);
	}
	return hasher;
}

void vk_hasher_free(VkHasher *hasher)
{
	if (!hasher)
		return;
	EVP_MD_free(hasher->sha256);
	EVP_MD_CTX_free(hasher->digest);
	EVP_MAC_CTX_free(hasher->hmac);
	vk_secure_free(hasher->key, sizeof(VkKey));
	close_lanes(hasher);
	OPENSSL_cleanse(hasher, sizeof(*hasher));
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
