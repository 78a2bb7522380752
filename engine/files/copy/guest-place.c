/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-place.h"

#include "errors.h"
#include "log.h"
#include "shell-word.h"

#include <string.h>

/* For a script that only looks, or moves names. */
#define SHORT_SEC 60

/*
 * What all scripts begin with. Their words are what the functions below give them: the directory,
 * the name, the staging directory, whether to overwrite, the chunk, the size, the sum, the owner,
 * the mode, the time, the target of a link, the identity of the staging directory or of the one
 * that the place is, that of the directory. "$(...)" takes newlines from the end of a text, hence
 * the "_".
 */
#define PRELUDE                                                                 \
	"export PATH=\"$PATH:/usr/sbin:/usr/bin:/sbin:/bin\" LC_ALL=C TZ=UTC\n" \
	"umask 077\n"                                                           \
	"text() { text=$(printf %b_ \"$1\"); text=${text%_}; }\n"               \
	"enter() { cd -P \"$1\" && [ \"$(pwd -P; echo _)\" = \"$1\n_\" ]; }\n"  \
	"same() { [ -z \"$1\" ] || [ \"$(stat -c %d:%i .)\" = \"$1\" ]; }\n"    \
	"closed() { [ -O . ] && [ \"$(stat -c %a .)\" = 700 ]; }\n"             \
	"text \"$1\"; directory=$text; text \"$2\"; name=$text\n"

#define ENTER_DIRECTORY "enter \"$directory\" && same \"${13}\" || exit 3\n"

/*
 * Only root can change what is in a directory that has passed here. Who owns the one above may put
 * another of root's in its place: the identity tells them apart.
 */
#define ENTER_STAGING "enter \"${directory%/}/$3\" && closed && same \"${12}\" || exit 3\n"

/*
 * Closes a directory that was just made, in which the shell is, and prints its identity. It may be
 * another by now, so it must be empty. An access list of the one above opens it beyond the umask.
 */
#define CLOSE_NEW                                                                         \
	"[ -O . ] && chmod u=rwx,go=,g-s . && closed && [ \"$(ls -A; echo _)\" = _ ] && " \
	"stat -c %d:%i . || exit 1\n"

/*
 * Removes what killed copies have left in the directory in which the shell is, and counts it:
 * staging directories of which nothing was written for a day. A staged file is called as its
 * directory is, so that nothing else of root's looks like one.
 */
#define SWEEP                                                                                 \
	"swept=0\n"                                                                           \
	"for left in .virtkeep-????????????????; do\n"                                        \
	"\t[ -d \"$left\" ] && [ ! -L \"$left\" ] || continue\n"                              \
	"\tinside=$(ls -A \"$left\")\n"                                                       \
	"\t[ -z \"$inside\" ] || [ \"$inside\" = \"$left\" ] || continue\n"                   \
	"\t[ \"$(find \"$left\" -mtime +0)\" = \"$(find \"$left\")\" ] || continue\n"         \
	"\t(cd -P \"./$left\" && closed && rm -f \"./$left\" && cd -P .. && rmdir \"$left\")" \
	" && swept=$((swept + 1))\n"                                                          \
	"done 2> /dev/null\n"

#define CHUNK G_STRINGIFY(131072)
G_STATIC_ASSERT(VK_INSIDE_INPUT_MAX == 131072);

static const char begin[] = ENTER_DIRECTORY
	"[ ! -d \"./$name\" ] || [ -L \"./$name\" ] || exit 21\n"
	"[ \"$4\" = 1 ] || { [ ! -e \"./$name\" ] && [ ! -L \"./$name\" ]; } || exit 17\n"
	"mkdir \"$3\" || exit 1\n"
	"enter \"${directory%/}/$3\" || exit 3\n" CLOSE_NEW ": > \"$3\" || exit 5\n";

static const char bytes[] = "said=$(dd of=\"$3\" bs=" CHUNK " seek=\"$5\" conv=notrunc 2>&1) ||\n"
			    "\t{ printf '%s\\n' \"$said\" >&2; exit 5; }\n";

static const char link_to[] =
	"text \"${11}\"\n"
	"rm \"$3\" && ln -s -- \"$text\" \"$3\" && chown -h \"$8\" \"$3\" || exit 1\n";

/* dd makes a file as long as what it skips. */
static const char size[] = "said=$(dd if=/dev/null of=\"$3\" bs=1 seek=\"$6\" 2>&1) ||\n"
			   "\t{ printf '%s\\n' \"$said\" >&2; exit 5; }\n";

static const char check[] = "sum=$(sha256sum < \"$3\") || exit 24\n"
			    "[ \"${sum%% *}\" = \"$7\" ] || exit 22\n";

static const char looks[] = "chown -h \"$8\" \"$3\" && chmod \"$9\" \"$3\" || exit 1\n"
			    "touch -t \"${10}\" \"$3\" || exit 1\n";

/* Where mv leaves a file as it is, its status depends on its version. */
static const char end[] =
	"if [ \"$4\" = 1 ]; then how=-fT; else how=-nT; fi\n"
	"mv $how \"$3\" \"../$name\"\n"
	"if [ -e \"$3\" ] || [ -L \"$3\" ]; then\n"
	"\t[ \"$4\" = 0 ] && { [ -e \"../$name\" ] || [ -L \"../$name\" ]; } && exit 17\n"
	"\texit 1\n"
	"fi\n"
	"cd -P .. && rmdir \"$3\"\n"
	"if command -v restorecon > /dev/null; then restorecon \"${directory%/}/$name\"; fi\n"
	"exit 0\n";

/* The texts of the words of a script. */
typedef struct Words {
	char *texts[14];
} Words;

static void words_clear(Words *words)
{
	for (gsize i = 0; i < G_N_ELEMENTS(words->texts); i++)
		g_free(words->texts[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Words, words_clear)

/* As touch takes it. */
static char *time_word(gint64 seconds)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);

	return time ? g_date_time_format(time, "%Y%m%d%H%M.%S") : g_strdup("");
}

/* ENTRY and PUT are nullable. */
static Words words_of(const VkGuestPlace *place, const VkEntry *entry, const VkPut *put)
{
	const VkEntry none = {0};
	const VkEntry *of = entry ? entry : &none;

	return (Words){.texts = {
			       vk_shell_word(place->directory),
			       vk_shell_word(place->name),
			       g_strdup(place->staging ? place->staging : ""),
			       g_strdup(place->overwrite ? "1" : "0"),
			       g_strdup_printf("%" G_GUINT64_FORMAT, put ? put->chunk : 0),
			       g_strdup_printf("%" G_GUINT64_FORMAT, of->size),
			       g_strdup(put && put->sum ? put->sum : ""),
			       g_strdup_printf("%u:%u", of->uid, of->gid),
			       g_strdup_printf("%04o", of->mode & 07777),
			       time_word(of->mtime_sec),
			       vk_shell_word(of->target ? of->target : ""),
			       g_strdup(place->identity ? place->identity : ""),
			       g_strdup(place->parent ? place->parent : ""),
		       }};
}

char *vk_guest_place_identity(const VkOutcome *outcome)
{
	gsize length = strspn(outcome->out, "0123456789:");

	return length > 0 && length < 64 && strcmp(outcome->out + length, "\n") == 0
		       ? g_strndup(outcome->out, length)
		       : NULL;
}

const char *vk_guest_place_reason(const VkOutcome *outcome)
{
	switch (outcome->status) {
	case VK_PLACE_NO_WAY:
		return "its directory is not there, or a symbolic link leads to it";
	case VK_PLACE_EXISTS:
		return "it exists and stays; --overwrite replaces files";
	case VK_PLACE_DIRECTORY:
		return "there is a directory, which stays";
	default:
		return *outcome->errors ? outcome->errors : "a command inside the guest failed";
	}
}

gboolean vk_guest_place_put(VkInside *inside, const VkGuestPlace *place, const VkEntry *entry,
			    const VkPut *put, guint timeout_sec, VkOutcome *ret, GError **error)
{
	g_auto(Words) words = words_of(place, entry, put);
	g_autofree char *text = g_strconcat(
		PRELUDE, put->parts & VK_PUT_BEGIN ? begin : ENTER_STAGING,
		put->parts & VK_PUT_BYTES ? bytes : "", put->parts & VK_PUT_LINK ? link_to : "",
		put->parts & VK_PUT_SIZE ? size : "", put->parts & VK_PUT_CHECK ? check : "",
		put->parts & VK_PUT_END && !(put->parts & VK_PUT_LINK) ? looks : "",
		put->parts & VK_PUT_END ? end : "", NULL);
	const VkScript script = {.text = text,
				 .words = (const char *const *)words.texts,
				 .input = put->bytes,
				 .length = put->length};

	return vk_inside_run(inside, &script, timeout_sec, ret, error);
}

static gboolean run(VkInside *inside, const VkGuestPlace *place, const VkEntry *entry,
		    const VkPut *put, const char *text, VkOutcome *ret, GError **error)
{
	g_auto(Words) words = words_of(place, entry, put);
	const VkScript script = {.text = text, .words = (const char *const *)words.texts};

	return vk_inside_run(inside, &script, SHORT_SEC, ret, error);
}

gboolean vk_guest_place_read(VkInside *inside, const VkGuestPlace *place, guint64 chunk,
			     VkOutcome *ret, GError **error)
{
	const VkPut put = {.chunk = chunk};

	return run(inside, place, NULL, &put,
		   PRELUDE ENTER_STAGING "dd if=\"$3\" bs=" CHUNK " skip=\"$5\" count=1\n", ret,
		   error);
}

void vk_guest_place_clear(VkInside *inside, const VkGuestPlace *place)
{
	g_auto(VkOutcome) outcome = {0};

	run(inside, place, NULL, NULL,
	    PRELUDE ENTER_STAGING "rm -f \"$3\" && cd -P .. && rmdir \"$3\"\n", &outcome, NULL);
}

gboolean vk_guest_place_make(VkInside *inside, const VkGuestPlace *place, VkOutcome *ret,
			     GError **error)
{
	return run(inside, place, NULL, NULL,
		   PRELUDE ENTER_DIRECTORY
		   "if [ -d \"./$name\" ] && [ ! -L \"./$name\" ]; then\n"
		   "enter \"${directory%/}/$name\" || exit 3\n" SWEEP "echo \"$swept\"\n"
		   "exit 20\n"
		   "fi\n"
		   "[ ! -e \"./$name\" ] && [ ! -L \"./$name\" ] || exit 17\n"
		   "mkdir \"./$name\" || exit 1\n"
		   "enter \"${directory%/}/$name\" || exit 3\n" CLOSE_NEW,
		   ret, error);
}

gboolean vk_guest_place_finish(VkInside *inside, const VkGuestPlace *place, const VkEntry *entry,
			       VkOutcome *ret, GError **error)
{
	return run(inside, place, entry, NULL,
		   PRELUDE "enter \"${directory%/}/$name\" && closed && same \"${12}\" ||\n"
			   "\texit 3\n"
			   "chown \"$8\" . && chmod \"$9\" . || exit 1\n"
			   "touch -t \"${10}\" . || exit 1\n"
			   "exit 0\n",
		   ret, error);
}

/* In front of it and behind it are names, which can have spaces. */
#define FREE_OF_DF ".* \\([0-9][0-9]*\\)  *[0-9][0-9]*% */.*"

guint vk_guest_place_swept(const VkOutcome *outcome)
{
	return (guint)MIN(g_ascii_strtoull(outcome->out, NULL, 10), G_MAXUINT);
}

void vk_guest_place_note_swept(const char *title, const char *directory, guint count)
{
	if (count > 0)
		vk_log_info("guest '%s': removed %u %s in '%s' that a killed copy had left", title,
			    count, count == 1 ? "file" : "files", directory);
}

char *vk_guest_place_find(VkInside *inside, const char *path, guint64 *ret_free, guint *ret_swept,
			  GError **error)
{
	const VkGuestPlace place = {.directory = path, .name = ""};
	g_auto(VkOutcome) outcome = {0};
	const char *room;
	char *behind;

	if (!run(inside, &place, NULL, NULL,
		 PRELUDE "cd -P \"$directory\" || exit 1\n" SWEEP
			 "free=$(df -Pk . | sed -n '$s," FREE_OF_DF ",\\1,p')\n"
			 "printf '%s %s %s' \"$swept\" \"${free:--}\" \"$(pwd -P; echo _)\"\n",
		 &outcome, error))
		return NULL;
	if (outcome.status != 0) {
		vk_fail(error, VK_ERROR_NOT_FOUND, "it has no directory '%s'", path);
		return NULL;
	}
	*ret_swept = vk_guest_place_swept(&outcome);
	room = outcome.out + strcspn(outcome.out, " ");
	room += *room != '\0';
	*ret_free = g_ascii_strtoull(room, &behind, 10);
	if (behind == room || *ret_free > G_MAXUINT64 / 1024)
		*ret_free = G_MAXUINT64;
	else
		*ret_free *= 1024;
	behind = strchr(room, ' ');
	if (!behind || behind[1] != '/' || !g_str_has_suffix(behind, "\n_")) {
		vk_fail(error, VK_ERROR_FAILED, "its shell answers with nonsense");
		return NULL;
	}
	return g_strndup(behind + 1, strlen(behind + 1) - 2);
}
