/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-event.h"

#include "errors.h"
#include "json.h"
#include "log.h"

/* One sentence for the journal. New string. */
static char *sentence_of(const VkSnapshot *snapshot, const char *reference)
{
	g_autofree char *grade = vk_snapshot_grade(snapshot);
	g_autofree char *read_text = NULL;
	g_autofree char *stored_text = NULL;
	guint64 read = 0, stored = 0;

	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		read += disk->read;
		stored += disk->stored;
	}
	read_text = g_format_size_full(read, G_FORMAT_SIZE_IEC_UNITS);
	stored_text = g_format_size_full(stored, G_FORMAT_SIZE_IEC_UNITS);
	return g_strdup_printf("guest '%s' is saved as '%s': %s, paused for %" G_GUINT64_FORMAT
			       " ms, %s read, %s stored, took %" G_GUINT64_FORMAT " s",
			       snapshot->name, reference, grade,
			       (snapshot->pause_usec + 999) / 1000, read_text, stored_text,
			       snapshot->duration_usec / G_USEC_PER_SEC);
}

void vk_backup_tell_saved(const VkSnapshot *snapshot)
{
	g_autofree char *reference = vk_snapshot_reference(snapshot);
	g_autofree char *text = sentence_of(snapshot, reference);
	g_autoptr(json_t) details = json_pack("{s:o}", "result", vk_snapshot_to_report(snapshot));

	vk_event_tell(&(VkEvent){.kind = VK_EVENT_GUEST_DONE,
				 .text = text,
				 .guest = snapshot->name,
				 .snapshot = reference,
				 .details = details});
}

void vk_backup_tell_failed(const char *name, const GError *trouble, gboolean say)
{
	const VkEvent event = {.kind = VK_EVENT_GUEST_FAILED,
			       .text = trouble->message,
			       .guest = name,
			       .code = vk_error_word(trouble)};

	if (say)
		vk_log_event(&event);
	else
		vk_event_tell(&event);
}
