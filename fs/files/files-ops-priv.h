/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of the operations, for the files files-*.c. Threads: free. */
#pragma once

#include "files-ops.h"

#include "walk-check.h"

#include <fuse_lowlevel.h>

VkFilesOps *vk_files_ops_of(fuse_req_t req);

/* The errno for what went wrong at PATH: ENOENT, ENAMETOOLONG, or EIO, and it is logged. */
int vk_files_trouble(VkFilesOps *ops, const char *path, const GError *error);

/* Fills in what the kernel is told of NAME in PARENT; it is to be forgotten if it is not. */
void vk_files_tell(VkFilesOps *ops, fuse_ino_t parent, const VkEntry *entry, const char *name,
		   struct fuse_entry_param *ret);

void vk_files_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void vk_files_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		      struct fuse_file_info *info);
void vk_files_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
			  struct fuse_file_info *info);
void vk_files_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);

void vk_files_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void vk_files_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
