/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sealed-names.h"

#include "layout.h"
#include "secret.h"

#include <openssl/evp.h>
#include <string.h>

/* A uuid, which is also one block of AES. */
#define UUID_SIZE   16u
#define UUID_LENGTH 36u

struct VkSealedNames {
	VkKey key;
};

/* Folders that have a folder for each guest; NULL at the end. */
static const char *const by_guest[] = {VK_FOLDER_SNAPS, VK_FOLDER_COPIES, NULL};

VkSealedNames *vk_sealed_names_new(const VkKeyring *keyring)
{
	static const guint8 no_salt[16];
	VkSealedNames *names = vk_secure_new(sizeof(*names));

	vk_keyring_derive(keyring, VK_KEY_OBJECTS, no_salt, "virtkeep names", NULL, 0, &names->key);
	return names;
}

void vk_sealed_names_free(VkSealedNames *names)
{
	vk_secure_free(names, sizeof(*names));
}

static void cipher_uuid(const VkSealedNames *names, const guint8 *in, int encrypt, guint8 *ret)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int length;

	if (!context ||
	    !EVP_CipherInit_ex2(context, EVP_aes_256_ecb(), names->key.bytes, NULL, encrypt,
				NULL) ||
	    !EVP_CIPHER_CTX_set_padding(context, 0) ||
	    !EVP_CipherUpdate(context, ret, &length, in, UUID_SIZE) || length != UUID_SIZE)
		g_error("libcrypto cannot encrypt a name");
	EVP_CIPHER_CTX_free(context);
}

/* The bytes of LENGTH characters of hex digits and dashes; FALSE when they are not UUID_SIZE. */
static gboolean parse_digits(const char *text, gsize length, guint8 *ret)
{
	gsize digits = 0;

	memset(ret, 0, UUID_SIZE);
	for (gsize i = 0; i < length; i++) {
		int value = g_ascii_xdigit_value(text[i]);

		if (text[i] == '-')
			continue;
		if (value < 0 || g_ascii_isupper(text[i]) || digits == (gsize)2 * UUID_SIZE)
			return FALSE;
		ret[digits / 2] = (guint8)(ret[digits / 2] << 4 | value);
		digits++;
	}
	return digits == (gsize)2 * UUID_SIZE;
}

static char *format_digits(const guint8 *bytes, gboolean dashes)
{
	GString *text = g_string_sized_new(UUID_LENGTH);

	for (guint i = 0; i < UUID_SIZE; i++) {
		if (dashes && (i == 4 || i == 6 || i == 8 || i == 10))
			g_string_append_c(text, '-');
		g_string_append_printf(text, "%02x", bytes[i]);
	}
	return g_string_free(text, FALSE);
}

/* The part of NAME behind "snaps/" or "copies/", or NULL. */
static const char *find_guest(const char *name)
{
	for (const char *const *folder = by_guest; *folder; folder++) {
		gsize length = strlen(*folder);

		if (strncmp(name, *folder, length) == 0 && name[length] == '/')
			return name + length + 1;
	}
	return NULL;
}

char *vk_sealed_names_inside(const VkSealedNames *names, const char *name)
{
	const char *guest = find_guest(name);
	gsize length = guest ? strcspn(guest, "/") : 0;
	guint8 uuid[UUID_SIZE], sealed[UUID_SIZE];
	g_autofree char *digits = NULL;

	if (length != UUID_LENGTH || !parse_digits(guest, length, uuid))
		return g_strdup(name);
	cipher_uuid(names, uuid, 1, sealed);
	digits = format_digits(sealed, FALSE);
	return g_strdup_printf("%.*s%s%s", (int)(guest - name), name, digits, guest + length);
}

char *vk_sealed_names_outside(const VkSealedNames *names, const char *folder, const char *name)
{
	gsize length = strcspn(name, "/");
	guint8 uuid[UUID_SIZE], sealed[UUID_SIZE];
	g_autofree char *digits = NULL;

	if (!g_strv_contains(by_guest, folder) || length != (gsize)2 * UUID_SIZE ||
	    !parse_digits(name, length, sealed))
		return g_strdup(name);
	cipher_uuid(names, sealed, 0, uuid);
	digits = format_digits(uuid, TRUE);
	return g_strconcat(digits, name + length, NULL);
}
