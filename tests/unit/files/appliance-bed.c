/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "appliance-bed.h"

#include "appliance.h"
#include "errors.h"
#include "json.h"
#include "memory-source.h"
#include "session.h"
#include "source-image.h"
#include "temp-vault.h"

#include <check.h>

#define UUID "11111111-2222-3333-4444-555555555555"
#define SIZE 200000

struct VkAppliance {
	GError *trouble;
	VkMessage answer;
};

ApplianceBed appliance_bed;

VkAppliance *vk_appliance_start(const VkMachineKind *kind, GPtrArray *images,
				const GPtrArray *names, guint64 memory, GError **error)
{
	appliance_bed.starts++;
	appliance_bed.memory = memory;
	appliance_bed.trouble = 0;
	if (!appliance_bed.refuses)
		return g_new0(VkAppliance, 1);
	vk_fail(error, VK_ERROR_NOT_FOUND, "its disk is away");
	return NULL;
}

void vk_appliance_free(VkAppliance *appliance)
{
	if (!appliance)
		return;
	g_clear_error(&appliance->trouble);
	vk_message_clear(&appliance->answer);
	g_free(appliance);
}

gboolean vk_appliance_send(VkAppliance *appliance, VkMessage *message, GError **error)
{
	vk_message_end(message);
	if (message->failed)
		return vk_fail(error, VK_ERROR_USAGE, "the path is too long");
	appliance_bed.questions++;
	return TRUE;
}

gboolean vk_appliance_receive(VkAppliance *appliance, VkMessageType *ret_type, VkBody *ret_body,
			      GError **error)
{
	VkMessage *answer = &appliance->answer;

	if (appliance_bed.dies)
		return vk_fail(error, VK_ERROR_FAILED, "it ended");
	*ret_type = appliance_bed.failure ? VK_MESSAGE_FAILED : VK_MESSAGE_DONE;
	vk_message_begin(answer, *ret_type);
	if (appliance_bed.failure) {
		vk_message_put_u32(answer, appliance_bed.failure);
		vk_message_put_text(answer, "it said so");
	}
	*ret_body = (VkBody){.at = answer->bytes + VK_MESSAGE_HEAD,
			     .left = answer->length - VK_MESSAGE_HEAD};
	return TRUE;
}

const GError *vk_appliance_disk_trouble(VkAppliance *appliance)
{
	g_clear_error(&appliance->trouble);
	if (appliance_bed.trouble)
		vk_fail(&appliance->trouble, (VkErrorCode)appliance_bed.trouble, "a bad pack");
	return appliance->trouble;
}

static VkImage *open_copy(gpointer data, const json_t *copy, GError **error)
{
	return vk_source_image_new(&mem_source_new(SIZE)->base, -1);
}

static gboolean has_copy(gpointer data, const json_t *copy)
{
	return TRUE;
}

void appliance_bed_set_up(void)
{
	const VkCopyReader reader = {.open = open_copy, .has = has_copy};
	VkImageRecord *record =
		vk_image_record_new_on_array(SIZE, SIZE, json_pack("{s:s}", "array", "shelf"));
	g_autoptr(VkSnapshot) snapshot = make_snapshot(UUID, "20260102T030405Z", record);
	VkSession *session;

	appliance_bed = (ApplianceBed){.directory = temp_directory_new(), .reference = UUID};
	appliance_bed.vault = vk_vault_init(appliance_bed.directory, NULL);
	ck_assert_ptr_nonnull(appliance_bed.vault);
	vk_vault_set_copy_reader(appliance_bed.vault, &reader);
	session = vk_session_new(appliance_bed.vault, 0, NULL);
	ck_assert_ptr_nonnull(session);
	ck_assert(vk_session_commit(session, snapshot, NULL));
	vk_session_free(session);
}

void appliance_bed_tear_down(void)
{
	vk_vault_free(appliance_bed.vault);
	temp_directory_remove(appliance_bed.directory);
	g_free(appliance_bed.directory);
}
