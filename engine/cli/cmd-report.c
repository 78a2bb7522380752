/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep report". */
#include "cmd-report.h"
#include "cmd.h"

#include "errors.h"
#include "json.h"
#include "open-vault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* sendmail(8) is often where only root's PATH goes. */
#define SENDMAIL "PATH=\"$PATH:/usr/sbin:/usr/lib\" exec sendmail -t -oi"

/* The report as text. New string. */
static char *to_text(const VkReport *report)
{
	char *memory = NULL, *text;
	size_t length = 0;
	FILE *out = open_memstream(&memory, &length);

	if (!out)
		g_error("out of memory");
	vk_report_print_text(report, out);
	if (fclose(out) != 0)
		g_error("out of memory");
	text = g_strdup(memory);
	free(memory);
	return text;
}

/* A line break would begin another header. */
static gboolean check_address(const char *address, GError **error)
{
	for (const char *at = address; *at; at++)
		if (g_ascii_iscntrl(*at))
			return vk_fail(error, VK_ERROR_USAGE, "--mail: '%s' is no address",
				       address);
	return *address || vk_fail(error, VK_ERROR_USAGE, "--mail: the address is empty");
}

static gboolean mail(const VkReport *report, const char *address, gboolean html, GError **error)
{
	g_autofree char *body = html ? vk_report_to_html(report) : to_text(report);
	g_autofree char *title = vk_report_title(report);
	g_autoptr(GString) message = g_string_new(NULL);
	FILE *sendmail;
	int status;

	g_string_append_printf(message,
			       "To: %s\nSubject: virtkeep: %s\nAuto-Submitted: auto-generated\n"
			       "MIME-Version: 1.0\nContent-Type: text/%s; charset=UTF-8\n"
			       "Content-Transfer-Encoding: 8bit\n\n%s",
			       address, title, html ? "html" : "plain", body);
	signal(SIGPIPE, SIG_IGN);
	sendmail = popen(SENDMAIL, "we");
	if (!sendmail)
		return vk_fail(error, VK_ERROR_FAILED, "cannot run sendmail");
	fputs(message->str, sendmail);
	status = pclose(sendmail);
	return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	       vk_fail(error, VK_ERROR_FAILED, "the report was not mailed to '%s': %s", address,
		       WIFEXITED(status) && WEXITSTATUS(status) == 127
			       ? "install a sendmail(8)"
			       : "sendmail failed; its own message says why");
}

static void print(const VkProgram *program, const VkReport *report, gboolean html)
{
	g_autoptr(json_t) document = NULL;
	g_autofree char *page = NULL;

	if (program->json) {
		document = vk_report_to_document(report);
		vk_json_print(document);
	} else if (html) {
		page = vk_report_to_html(report);
		fputs(page, stdout);
	} else {
		vk_report_print_text(report, stdout);
	}
}

gboolean vk_cmd_report(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autofree char *address = NULL;
	g_autofree char *max_age = NULL;
	gboolean html = FALSE;
	const GOptionEntry entries[] = {
		{"html", 0, 0, G_OPTION_ARG_NONE, &html, "A page of HTML that needs nothing else",
		 NULL},
		{"mail", 0, 0, G_OPTION_ARG_STRING, &address, "Mail it by sendmail(8)", "ADDRESS"},
		{"max-age", 0, 0, G_OPTION_ARG_STRING, &max_age,
		 "An older last snapshot is late (default " VK_MAX_AGE_DEFAULT ")", "DURATION"},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(VkReport) report = NULL;
	VkReportOptions options = {.is_whole = TRUE};
	char **names = NULL;

	if (!vk_cmd_parse(
		    program, "report [GUEST...]",
		    "Reports how well all guests of this host and of the vault are saved, how "
		    "the vault is,\nand what needs somebody's hand.",
		    entries, -1, argc, argv, &names, error) ||
	    !vk_cmd_parse_max_age(max_age, &options.max_age_sec, error))
		return FALSE;
	if (html && program->json)
		return vk_fail(error, VK_ERROR_USAGE, "--html and --json exclude each other");
	if (address && (program->json || !check_address(address, error)))
		return program->json ? vk_fail(error, VK_ERROR_USAGE,
					       "--mail and --json exclude each other")
				     : FALSE;
	options.settings = program->settings;
	options.uri = vk_program_libvirt_uri(program);
	options.names = names;
	vault = vk_open_vault(program, NULL, VK_VAULT_READ, error);
	report = vault ? vk_report_load(vault, &options, error) : NULL;
	if (!report)
		return FALSE;
	if (address)
		return mail(report, address, html, error);
	print(program, report, html);
	return TRUE;
}
