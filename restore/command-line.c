/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command-line.h"

static const char summary[] =
	"SNAPSHOT is GUEST@TIME, or GUEST for its latest snapshot. TIME may be latest, a date or\n"
	"time like 2026-11-28T07:30, yesterday, -1 for the one before the latest, or an id.\n"
	"Without --disk and --file the whole guest is restored: its disks, firmware state and\n"
	"definition.";

static const char description[] = "Without PATH a disk or file is written into --to DIR, else into "
				  "the current directory, as\n"
				  "GUEST-TARGET.raw, GUEST-TARGET.qcow2 or GUEST-NAME. Everything "
				  "appears under its name only\n"
				  "when it is whole. With --in-place and no SNAPSHOT the list is "
				  "taken from the configuration,\n"
				  "[restore] KVM_RESTORE_VM_LIST.\n\n"
				  "Exit status: 0 done, 1 failed, 2 usage, 3 done in part, 4 busy, "
				  "5 damage found, 6 not found.";

void vk_restore_options_add(VkRestoreOptions *options, VkCompletion *completion,
			    GOptionContext *context)
{
	const GOptionEntry entries[] = {
		{"disk", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->disks,
		 "Restore this disk only; may be repeated", "TARGET[=PATH]"},
		{"file", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->files,
		 "Restore this file of the snapshot (domain.xml, nvram.fd, vda.raw ...); DEST - is "
		 "stdout",
		 "NAME[=DEST]"},
		{"to", 0, 0, G_OPTION_ARG_FILENAME, &options->directory,
		 "Put disks and files into this directory", "DIR"},
		{"as", 0, 0, G_OPTION_ARG_FILENAME, &options->as_name,
		 "Restore as a new guest with its own UUID, MAC addresses and files", "NAME"},
		{"in-place", 0, 0, G_OPTION_ARG_NONE, &options->in_place,
		 "Replace the disks and the definition of the existing guest, shutting it down "
		 "first",
		 NULL},
		{"network", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->networks,
		 "Move interfaces from the network or bridge OLD to NEW, also network:NAME or "
		 "bridge:NAME; may be repeated",
		 "OLD=NEW"},
		{"no-network", 0, 0, G_OPTION_ARG_NONE, &options->no_network,
		 "Give the guest no network interface", NULL},
		{"start", 0, 0, G_OPTION_ARG_NONE, &options->start, "Start the restored guest",
		 NULL},
		{"dry-run", 'n', 0, G_OPTION_ARG_NONE, &options->dry_run,
		 "Print the plan and do nothing", NULL},
		{"force", 0, 0, G_OPTION_ARG_NONE, &options->force,
		 "Replace existing files, overwrite block devices, and do not ask", NULL},
		{"keep-old", 0, 0, G_OPTION_ARG_NONE, &options->keep_old,
		 "Keep replaced files as NAME.old-TIME", NULL},
		{"all-vaults", 0, 0, G_OPTION_ARG_NONE, &options->all_vaults,
		 "Look in the other vaults of the configuration when the first is away, or lacks "
		 "the "
		 "snapshot",
		 NULL},
		{"skip-damaged", 0, 0, G_OPTION_ARG_NONE, &options->skip_damaged,
		 "Restore zeros for blocks that are damaged, and list them in NAME.missing", NULL},
		{"format", 0, 0, G_OPTION_ARG_STRING, &options->format,
		 "Write disks as raw or qcow2 (default: as the original was)", "FORMAT"},
		{"keep-chain", 0, 0, G_OPTION_ARG_NONE, &options->keep_chain,
		 "Keep the backing files of the disks, which must be unchanged", NULL},
		{"decrypted", 0, 0, G_OPTION_ARG_NONE, &options->decrypted,
		 "Write disks that QEMU had encrypted as plain text", NULL},
		{G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->snapshots, NULL,
		 "SNAPSHOT..."},
		G_OPTION_ENTRY_NULL,
	};

	g_option_context_add_main_entries(context, entries, NULL);
	vk_completion_add_entries(completion, entries);
	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, description);
}
