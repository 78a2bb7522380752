/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories of a guest. An offset is the cursor of the guest's file system, so that a listing can
 * go on anywhere, and no more than a page of it is kept.
 */
#include "files-ops-priv.h"

#include <errno.h>
#include <string.h>

/* A damaged directory may have no end. */
#define TOLD_MAX (1u << 24)

/* An open directory. */
typedef struct Listing {
	GMutex lock;
	VkPage *page;   /* NULL: none was asked for yet */
	guint next;     /* of the page */
	guint64 cursor; /* where NEXT is */
	guint told;     /* entries since the beginning */
} Listing;

typedef struct List {
	VkPlace place;
	guint64 cursor;
	VkPage *page;
} List;

static gboolean list(VkGuestFiles *files, gpointer data, GError **error)
{
	List *wanted = data;

	wanted->page = vk_guest_node_list(files, &wanted->place, wanted->cursor, error);
	return wanted->page != NULL;
}

/* The page at CURSOR. 0, or an errno. */
static int load_page(VkFilesOps *ops, fuse_ino_t ino, Listing *listing, guint64 cursor)
{
	g_autofree char *path = vk_nodes_path(ops->nodes, ino, NULL);
	List wanted = {.place = ops->place, .cursor = cursor};
	g_autoptr(GError) error = NULL;

	if (!path)
		return ESTALE;
	if (cursor == 0)
		listing->told = 0;
	if (listing->told >= TOLD_MAX)
		return EIO;
	wanted.place.path = path;
	if (!vk_guest_worker_call(ops->worker, list, &wanted, &error))
		return vk_files_trouble(ops, path, error);
	g_clear_pointer(&listing->page, vk_page_free);
	listing->page = wanted.page;
	listing->next = 0;
	listing->cursor = cursor;
	return 0;
}

/* Adds one entry. Returns the bytes that it takes, more than SIZE when there is no room. */
typedef size_t (*AddEntry)(fuse_req_t req, fuse_ino_t parent, char *buffer, size_t size,
			   const VkPageEntry *entry);

static size_t add_plain(fuse_req_t req, fuse_ino_t parent, char *buffer, size_t size,
			const VkPageEntry *entry)
{
	struct stat st;

	vk_files_fill_stat(vk_files_ops_of(req), &entry->entry, &st);
	return fuse_add_direntry(req, buffer, size, entry->entry.path, &st, (off_t)entry->cursor);
}

static size_t add_plus(fuse_req_t req, fuse_ino_t parent, char *buffer, size_t size,
		       const VkPageEntry *entry)
{
	VkFilesOps *ops = vk_files_ops_of(req);
	struct fuse_entry_param param = {0};
	size_t used;

	if (entry->known)
		vk_files_tell(ops, parent, &entry->entry, entry->entry.path, &param);
	else
		vk_files_fill_stat(ops, &entry->entry, &param.attr);
	used = fuse_add_direntry_plus(req, buffer, size, entry->entry.path, &param,
				      (off_t)entry->cursor);
	if (used > size && param.ino)
		vk_nodes_forget(ops->nodes, param.ino, 1);
	return used;
}

/* What is left of the page, as far as there is room. FALSE: there was none for the next. */
static gboolean add_page(fuse_req_t req, fuse_ino_t ino, Listing *listing, char *buffer,
			 size_t size, size_t *used, AddEntry add)
{
	const GArray *entries = listing->page->entries;

	for (; listing->next < entries->len; listing->next++) {
		const VkPageEntry *entry = &g_array_index(entries, VkPageEntry, listing->next);
		size_t length = add(req, ino, buffer + *used, size - *used, entry);

		if (length > size - *used)
			return FALSE;
		*used += length;
		listing->cursor = entry->cursor;
		listing->told++;
	}
	return TRUE;
}

/* What fits into BUFFER, from OFFSET on. 0, or an errno. */
static int fill(fuse_req_t req, fuse_ino_t ino, Listing *listing, guint64 offset, char *buffer,
		size_t size, size_t *used, AddEntry add)
{
	VkFilesOps *ops = vk_files_ops_of(req);
	int trouble = 0;

	if (!listing->page || listing->cursor != offset || offset == 0)
		trouble = load_page(ops, ino, listing, offset);
	while (!trouble && add_page(req, ino, listing, buffer, size, used, add) &&
	       !listing->page->is_last)
		trouble = load_page(ops, ino, listing, listing->cursor);
	/* What is there is told; the trouble comes again with the next call. */
	return *used > 0 ? 0 : trouble;
}

static Listing *listing_of(const struct fuse_file_info *info)
{
	return (Listing *)(uintptr_t)info->fh;
}

static void reply(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		  struct fuse_file_info *info, AddEntry add)
{
	Listing *listing = listing_of(info);
	g_autofree char *buffer = g_malloc(size);
	size_t used = 0;
	int trouble;

	g_mutex_lock(&listing->lock);
	trouble = fill(req, ino, listing, (guint64)offset, buffer, size, &used, add);
	g_mutex_unlock(&listing->lock);
	if (trouble)
		fuse_reply_err(req, trouble);
	else
		fuse_reply_buf(req, buffer, used);
}

void vk_files_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		      struct fuse_file_info *info)
{
	reply(req, ino, size, offset, info, add_plain);
}

void vk_files_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
			  struct fuse_file_info *info)
{
	reply(req, ino, size, offset, info, add_plus);
}

static void free_listing(Listing *listing)
{
	vk_page_free(listing->page);
	g_mutex_clear(&listing->lock);
	g_free(listing);
}

void vk_files_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	Listing *listing = g_new0(Listing, 1);

	g_mutex_init(&listing->lock);
	info->fh = (uint64_t)(uintptr_t)listing;
	info->cache_readdir = info->keep_cache = 1;
	if (fuse_reply_open(req, info) < 0)
		free_listing(listing);
}

void vk_files_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	free_listing(listing_of(info));
	fuse_reply_err(req, 0);
}
