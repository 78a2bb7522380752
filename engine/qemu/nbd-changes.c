/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbd-changes-priv.h"

#include "errors.h"
#include "nbd-client-priv.h"
#include "source.h"

#include <libnbd.h>
#include <string.h>

/* How much one question covers. QEMU answers with 131072 extents at the most. */
#define STEP (G_GUINT64_CONSTANT(2) << 30)

typedef struct Run {
	guint64 start, end;
} Run;

struct VkNbdChanges {
	VkNbdClient *client;
	char *context;
	guint64 size;
	guint asked;
	guint64 first, last; /* the window: all of [first, last) is known, in whole units */
	GArray *runs;        /* Run: what is changed of it, in whole units, in order, apart */
	guint64 position;    /* how far the answer under way has come */
};

static char *context_of(const char *bitmap)
{
	return g_strdup_printf("qemu:dirty-bitmap:%s", bitmap);
}

gboolean vk_nbd_changes_offered(const char *socket, const char *export, const char *bitmap,
				gboolean *ret, GError **error)
{
	g_autofree char *context = context_of(bitmap);
	g_autoptr(VkNbdClient) client = vk_nbd_client_new(socket, export, context, error);

	if (!client)
		return FALSE;
	*ret = nbd_can_meta_context(client->nbd, context) == 1;
	return TRUE;
}

VkNbdChanges *vk_nbd_changes_new(const char *socket, const char *export, const char *bitmap,
				 GError **error)
{
	g_autoptr(VkNbdChanges) changes = g_new0(VkNbdChanges, 1);
	gint64 size;

	changes->context = context_of(bitmap);
	changes->runs = g_array_new(FALSE, FALSE, sizeof(Run));
	changes->client = vk_nbd_client_new(socket, export, changes->context, error);
	if (!changes->client)
		return NULL;
	size = nbd_get_size(changes->client->nbd);
	if (size < 0) {
		vk_nbd_client_fail(changes->client, "get the size of", error);
		return NULL;
	}
	changes->size = (guint64)size;
	if (nbd_can_meta_context(changes->client->nbd, changes->context) != 1) {
		vk_fail(error, VK_ERROR_CHANGED,
			"the changes of %s cannot be read any more; everything must be read",
			changes->client->label);
		return NULL;
	}
	return g_steal_pointer(&changes);
}

static guint64 round_down(guint64 offset)
{
	return offset / VK_SOURCE_CHANGE_UNIT * VK_SOURCE_CHANGE_UNIT;
}

static void add_run(VkNbdChanges *changes, guint64 start, guint64 end)
{
	GArray *runs = changes->runs;
	Run run = {.start = round_down(start)};

	run.end = MIN(round_down(end + VK_SOURCE_CHANGE_UNIT - 1), changes->size);
	if (runs->len > 0) {
		Run *last = &g_array_index(runs, Run, runs->len - 1);

		if (run.start <= last->end) {
			last->end = MAX(last->end, run.end);
			return;
		}
	}
	g_array_append_val(runs, run);
}

static int take_changes(void *data, const char *context, uint64_t offset, uint32_t *entries,
			size_t count, int *nbd_error)
{
	VkNbdChanges *changes = data;

	if (strcmp(context, changes->context) != 0)
		return 0;
	for (size_t i = 0; i + 1 < count && changes->position < changes->size; i += 2) {
		guint64 length = MIN(entries[i], changes->size - changes->position);

		/* The one flag known is "dirty"; clean is only what has none at all. */
		if (length > 0 && entries[i + 1] != 0)
			add_run(changes, changes->position, changes->position + length);
		changes->position += length;
	}
	return 0;
}

static gboolean ask(VkNbdChanges *changes, GError **error)
{
	guint64 before = changes->position;
	gint64 cookie = nbd_aio_block_status(
		changes->client->nbd, MIN(changes->size - before, STEP), before,
		(nbd_extent_callback){.callback = take_changes, .user_data = changes},
		NBD_NULL_COMPLETION, 0);

	changes->asked++;
	if (!vk_nbd_client_wait(changes->client, cookie, "get the changes of", error))
		return FALSE;
	if (changes->position == before)
		return vk_fail(error, VK_ERROR_FAILED,
			       "cannot get the changes of %s: its server says nothing about offset "
			       "%" G_GUINT64_FORMAT,
			       changes->client->label, before);
	return TRUE;
}

/* Moves the window to OFFSET. A unit that was described in part is for the next window. */
static gboolean move_window(VkNbdChanges *changes, guint64 offset, GError **error)
{
	guint64 end;

	g_array_set_size(changes->runs, 0);
	changes->first = changes->last = changes->position = round_down(offset);
	do {
		if (!ask(changes, error))
			return FALSE;
		end = changes->position == changes->size ? changes->size
							 : round_down(changes->position);
	} while (end <= changes->first);
	changes->last = end;
	return TRUE;
}

/* The first run of the window that ends behind OFFSET, or NULL. */
static const Run *find_run(const VkNbdChanges *changes, guint64 offset)
{
	guint low = 0, high = changes->runs->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(changes->runs, Run, middle).end > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low < changes->runs->len ? &g_array_index(changes->runs, Run, low) : NULL;
}

gboolean vk_nbd_changes_find(VkNbdChanges *changes, guint64 offset, guint64 limit,
			     guint64 *ret_start, guint64 *ret_end, GError **error)
{
	guint64 position = offset;

	while (position < limit) {
		const Run *run;

		if ((position < changes->first || position >= changes->last) &&
		    !move_window(changes, position, error))
			return FALSE;
		run = find_run(changes, position);
		if (run && run->start < MIN(limit, changes->last)) {
			*ret_start = MAX(run->start, offset);
			*ret_end = MIN(MIN(run->end, changes->last), limit);
			return TRUE;
		}
		position = changes->last;
	}
	*ret_start = *ret_end = limit;
	return TRUE;
}

guint vk_nbd_changes_asked(const VkNbdChanges *changes)
{
	return changes->asked;
}

void vk_nbd_changes_free(VkNbdChanges *changes)
{
	if (!changes)
		return;
	vk_nbd_client_free(changes->client);
	g_array_unref(changes->runs);
	g_free(changes->context);
	g_free(changes);
}
