/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of VkImport share. */
#pragma once

#include "import.h"

typedef struct VkImportRow VkImportRow;

struct VkImport {
	char *hostname;
	GPtrArray *keys;      /* VkImportKey, all */
	GHashTable *counting; /* name -> VkImportKey that counts, borrowed */
	GHashTable *values;   /* name -> its whole value */
	GKeyFile *output;
	GString *to_do; /* comment lines */
	guint files;
};

/* Makes settings of a key with a value, and sets its verdict, as and why. */
typedef void VkImportConvert(VkImport *import, const VkImportRow *row, VkImportKey *key,
			     const char *value);

/* What becomes of a key of Snap Creator. */
struct VkImportRow {
	const char *name; /* "CMDnn": CMD01 to CMD99 */
	VkImportVerdict verdict;
	const char *group; /* taken: into this; "host": that of the host */
	const char *as;    /* under this name; NULL: its own */
	const char *off;   /* with this value, virtkeep does the same */
	const char *why;
	gboolean is_secret;       /* its value may be, and is not reported */
	VkImportConvert *convert; /* NULL: verdict and why say all */
};

/* NULL for a key that is not known. */
const VkImportRow *vk_import_find_row(const char *key);

/* KEY with two digits, as "CMD01" for "CMD1": Snap Creator takes both. New string. */
char *vk_import_full_name(const char *key);

/* The value that counts; NULL when no file has it, or it is empty. */
const char *vk_import_value(const VkImport *import, const char *name);

/* Whether VALUE (nullable) is "N". */
gboolean vk_import_is_no(const char *value);

/* Copies what is not NULL. */
void vk_import_judge(VkImportKey *key, VkImportVerdict verdict, const char *as, const char *why);

/*
 * Writes [GROUP] NAME = VALUE, and adds that to key->as; FALSE when the value is not valid: KEY is
 * unsupported then.
 */
gboolean vk_import_put(VkImport *import, VkImportKey *key, const char *group, const char *name,
		       const char *value);

/* What the rows do with a value. */
VkImportConvert vk_import_convert_plain;
VkImportConvert vk_import_convert_larger; /* of two keys that became one */
VkImportConvert vk_import_convert_hook;
VkImportConvert vk_import_convert_retentions;
VkImportConvert vk_import_convert_list;
VkImportConvert vk_import_convert_users;
VkImportConvert vk_import_convert_transport;
VkImportConvert vk_import_convert_port;
VkImportConvert vk_import_convert_interfaces;
VkImportConvert vk_import_convert_timeout;
VkImportConvert vk_import_convert_global;
