/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-worker.h"

#include "errors.h"
#include "log.h"

#include <signal.h>

/* A disk whose contents end the appliance must not keep the host busy. */
#define DEATHS_MAX 3

/* One that waits to be made, on the stack of its caller. */
typedef struct Call {
	VkGuestCall function; /* NULL: the thread ends */
	gpointer data;
	GError **error;
	gboolean result;
	gboolean done; /* under the worker's lock */
} Call;

struct VkGuestWorker {
	VkVault *vault;
	const char *reference;
	const char *run_dir;
	const VkMachineKind *kind;
	VkVolumeKeys *keys;
	guint idle_sec;
	guint deaths;
	VkGuestFiles *files;
	GThread *thread;
	Call *opening;
	GAsyncQueue *calls;
	GMutex lock;
	GCond done;
};

static gboolean make(VkGuestWorker *worker, const Call *call)
{
	gboolean sound;

	if (worker->deaths > DEATHS_MAX)
		return vk_fail(call->error, VK_ERROR_FAILED,
			       "the appliance has ended too often: mount again");
	if (call->function(worker->files, call->data, call->error))
		return TRUE;
	/* Its kernel keeps what it could not read; another one reads it again. */
	sound = vk_guest_files_sound(worker->files, NULL);
	if (sound && vk_guest_files_ended(worker->files))
		worker->deaths++;
	if (!sound || vk_guest_files_ended(worker->files))
		vk_guest_files_rest(worker->files);
	return FALSE;
}

static void end_call(VkGuestWorker *worker, Call *call)
{
	g_mutex_lock(&worker->lock);
	call->done = TRUE;
	g_cond_broadcast(&worker->done);
	g_mutex_unlock(&worker->lock);
}

static Call *next_call(VkGuestWorker *worker)
{
	Call *call = g_async_queue_timeout_pop(worker->calls,
					       worker->idle_sec * (guint64)G_USEC_PER_SEC);

	if (call)
		return call;
	vk_log_debug("the appliance rests");
	vk_guest_files_rest(worker->files);
	return g_async_queue_pop(worker->calls);
}

static void wait_for(VkGuestWorker *worker, const Call *call)
{
	g_mutex_lock(&worker->lock);
	while (!call->done)
		g_cond_wait(&worker->done, &worker->lock);
	g_mutex_unlock(&worker->lock);
}

/* Signals are for other threads, also those that this one starts. */
static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static gpointer work(gpointer data)
{
	VkGuestWorker *worker = data;
	Call *call = worker->opening;

	block_signals();
	worker->files = vk_guest_files_open(worker->vault, worker->reference, worker->run_dir,
					    worker->kind, worker->keys, call->error);
	call->result = worker->files != NULL;
	end_call(worker, call);
	while (worker->files) {
		call = next_call(worker);
		if (call->function)
			call->result = make(worker, call);
		else
			g_clear_pointer(&worker->files, vk_guest_files_free);
		end_call(worker, call);
	}
	return NULL;
}

VkGuestWorker *vk_guest_worker_new(VkVault *vault, const char *reference, const char *run_dir,
				   const VkMachineKind *kind, VkVolumeKeys *keys, guint idle_sec,
				   GError **error)
{
	g_autoptr(VkGuestWorker) worker = g_new0(VkGuestWorker, 1);
	Call opening = {.error = error};

	worker->vault = vault;
	worker->reference = reference;
	worker->run_dir = run_dir;
	worker->kind = kind;
	worker->keys = keys;
	worker->idle_sec = idle_sec;
	worker->calls = g_async_queue_new();
	worker->opening = &opening;
	g_mutex_init(&worker->lock);
	g_cond_init(&worker->done);
	worker->thread = g_thread_new("guest", work, worker);
	wait_for(worker, &opening);
	return opening.result ? g_steal_pointer(&worker) : NULL;
}

static gboolean hand_over(VkGuestWorker *worker, Call *call)
{
	g_async_queue_push(worker->calls, call);
	wait_for(worker, call);
	return call->result;
}

void vk_guest_worker_free(VkGuestWorker *worker)
{
	Call end = {0};

	if (!worker)
		return;
	if (worker->files)
		hand_over(worker, &end);
	g_thread_join(worker->thread);
	g_async_queue_unref(worker->calls);
	g_cond_clear(&worker->done);
	g_mutex_clear(&worker->lock);
	g_free(worker);
}

gboolean vk_guest_worker_call(VkGuestWorker *worker, VkGuestCall function, gpointer data,
			      GError **error)
{
	Call call = {.function = function, .data = data, .error = error};

	return hand_over(worker, &call);
}
