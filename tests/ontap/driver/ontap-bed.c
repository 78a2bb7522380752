/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ontap-bed.h"

#include <check.h>
#include <curl/curl.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define USUAL_TIMEOUT_SEC 20

char *bed_path(const Bed *bed, const char *name)
{
	return g_build_filename(bed->directory, name, NULL);
}

void bed_write(const Bed *bed, const char *name, const char *content)
{
	g_autofree char *path = bed_path(bed, name);
	g_autofree char *directory = g_path_get_dirname(path);
	FILE *file;

	/* As guests do: the file stays the same. */
	ck_assert_int_eq(g_mkdir_with_parents(directory, 0700), 0);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(content, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

char *bed_read(const Bed *bed, const char *name)
{
	g_autofree char *path = bed_path(bed, name);
	char *content = NULL;

	ck_assert_msg(g_file_get_contents(path, &content, NULL, NULL), "%s", path);
	return content;
}

static char *fill_in(const Bed *bed, const char *text)
{
	g_autofree char *port = g_strdup_printf("%u", bed->port);
	g_autofree char *second_port = g_strdup_printf("%u", bed->second_port);
	GString *filled = g_string_new(text);

	g_string_replace(filled, "@", bed->directory, 0);
	g_string_replace(filled, "%", port, 0);
	g_string_replace(filled, "&", second_port, 0);
	return g_string_free(filled, FALSE);
}

static void start(Bed *bed)
{
	g_autofree char *program = g_build_filename(g_getenv("VK_ONTAP"), NULL);
	g_autofree char *topology = bed_path(bed, "topology.json");
	g_autofree char *state = bed_path(bed, "state");
	char python[] = "python3", state_option[] = "--state", eof_option[] = "--until-eof";
	char *argv[] = {python, program, state_option, state, eof_option, topology, NULL};
	g_autoptr(GError) error = NULL;
	char line[256] = "";
	int output;
	FILE *stream;

	ck_assert_msg(g_spawn_async_with_pipes(
			      NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
			      NULL, NULL, &bed->pid, &bed->input, &output, NULL, &error),
		      "%s", error ? error->message : "");
	stream = fdopen(output, "r");
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), stream));
	ck_assert_msg(sscanf(line, "ready c1=%u c2=%u", &bed->port, &bed->second_port) >= 1, "%s",
		      line);
	bed->control_port = bed->port;
	fclose(stream);
}

void bed_configure(Bed *bed, const char *section)
{
	g_autofree char *whole = g_strconcat("[backup]\nrun_dir = @/run\n", section, NULL);
	g_autofree char *text = fill_in(bed, whole);
	g_autoptr(GError) error = NULL;

	vk_arrays_free(bed->arrays);
	vk_settings_free(bed->settings);
	bed->settings = vk_settings_parse(text, strlen(text), "test", &error);
	ck_assert_msg(bed->settings != NULL, "%s", error ? error->message : "");
	bed->arrays = vk_arrays_new(bed->settings, vk_log_warning, &error);
	ck_assert_msg(bed->arrays != NULL, "%s", error ? error->message : "");
}

void bed_set_timeout(Bed *bed, guint seconds)
{
	g_autofree char *section = g_strdup_printf("[array c1]\nurl = https://127.0.0.1:%%\n"
						   "user = admin\npassword_file = @/password\n"
						   "ca_file = @/state/ca.pem\nNTAP_TIMEOUT = %u\n",
						   seconds);

	bed_configure(bed, section);
}

Bed *bed_new(const char *topology, const char *mountinfo, const char *section)
{
	g_autofree char *made = g_dir_make_tmp("virtkeep-ontap-XXXXXX", NULL);
	Bed *bed = g_new0(Bed, 1);
	g_autofree char *topology_text = NULL;
	g_autofree char *mounts_text = NULL;
	g_autofree char *mounts_path = NULL;
	g_autofree char *password = NULL;

	ck_assert_ptr_nonnull(made);
	bed->directory = realpath(made, NULL);
	topology_text = fill_in(bed, topology);
	mounts_text = fill_in(bed, mountinfo);
	mounts_path = bed_path(bed, "mountinfo");
	bed_write(bed, "topology.json", topology_text);
	bed_write(bed, "mountinfo", mounts_text);
	bed_write(bed, "password", "secret\n");
	password = bed_path(bed, "password");
	ck_assert_int_eq(chmod(password, 0600), 0);
	g_setenv("VIRTKEEP_MOUNTINFO", mounts_path, TRUE);
	start(bed);
	if (section)
		bed_configure(bed, section);
	else
		bed_set_timeout(bed, USUAL_TIMEOUT_SEC);
	return bed;
}

void bed_free(Bed *bed)
{
	char rm[] = "rm", options[] = "-rf";
	char *argv[] = {rm, options, bed->directory, NULL};

	vk_arrays_free(bed->arrays);
	vk_settings_free(bed->settings);
	close(bed->input);
	waitpid(bed->pid, NULL, 0);
	g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
	free(bed->directory);
	g_free(bed);
}

static size_t receive(char *data, size_t size, size_t count, void *user)
{
	g_string_append_len(user, data, (gssize)(size * count));
	return size * count;
}

/* To c1 or c2, by PORT. */
static json_t *speak(guint port, const char *method, const char *path, const char *login,
		     json_t *body)
{
	g_autofree char *url = g_strdup_printf("https://127.0.0.1:%u%s", port, path);
	char *text = body ? json_dumps(body, 0) : NULL;
	GString *received = g_string_new(NULL);
	CURL *curl = curl_easy_init();
	json_t *reply;
	long status = 0;

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, received);
	if (login)
		curl_easy_setopt(curl, CURLOPT_USERPWD, login);
	if (text)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	ck_assert_int_eq(curl_easy_perform(curl), CURLE_OK);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	ck_assert_msg(status / 100 == 2, "%s %s: %s", method, path, received->str);
	reply = json_loads(received->len ? received->str : "{}", 0, NULL);
	ck_assert_ptr_nonnull(reply);
	curl_easy_cleanup(curl);
	g_string_free(received, TRUE);
	free(text);
	json_decref(body);
	return reply;
}

json_t *bed_control(const Bed *bed, const char *method, const char *what, json_t *body)
{
	g_autofree char *path = g_strconcat("/control/", what, NULL);

	return speak(bed->control_port, method, path, NULL, body);
}

json_t *bed_post(const Bed *bed, const char *path, json_t *body)
{
	return speak(bed->port, "POST", path, "admin:secret", body);
}

void bed_set_knob(const Bed *bed, const char *name, json_t *value)
{
	json_decref(bed_control(bed, "POST", "knobs", json_pack("{s:o}", name, value)));
}

void bed_add_fault(const Bed *bed, const char *action, const char *method, const char *path,
		   const char *when)
{
	json_decref(bed_control(bed, "POST", "faults",
				json_pack("{s:s, s:s, s:s, s:s}", "action", action, "method",
					  method, "path", path, "when", when)));
}

void bed_clear_faults(const Bed *bed)
{
	json_decref(bed_control(bed, "DELETE", "faults", NULL));
}

json_t *bed_state(const Bed *bed, const char *kind)
{
	json_t *state = bed_control(bed, "GET", "state", NULL);
	json_t *records = json_incref(json_object_get(state, kind));

	ck_assert_ptr_nonnull(records);
	json_decref(state);
	return records;
}

guint bed_count_kind(const Bed *bed, const char *kind)
{
	json_t *records = bed_state(bed, kind);
	guint count = (guint)json_array_size(records);

	json_decref(records);
	return count;
}

json_t *bed_requests(Bed *bed)
{
	g_autofree char *text = bed_read(bed, "state/requests.jsonl");
	g_autofree char *path = bed_path(bed, "state/requests.jsonl");
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	json_t *requests = json_array();

	for (char **line = lines; *line; line++)
		if (**line)
			json_array_append_new(requests, json_loads(*line, 0, NULL));
	ck_assert_int_eq(truncate(path, 0), 0);
	return requests;
}

guint bed_count(const json_t *requests, const char *method, const char *pattern)
{
	guint count = 0;
	gsize index;
	json_t *request;

	json_array_foreach (requests, index, request) {
		const char *path = json_string_value(json_object_get(request, "path"));

		count += strcmp(json_string_value(json_object_get(request, "method")), method) ==
				 0 &&
			 g_pattern_match_simple(pattern, path);
	}
	return count;
}

void bed_succeed(gboolean ok, const GError *error)
{
	ck_assert_msg(ok, "%s", error ? error->message : "no error was set");
}

int bed_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
