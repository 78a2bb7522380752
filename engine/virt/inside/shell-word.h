/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words of scripts that a guest agent runs. Threads: free. */
#pragma once

#include <glib.h>

/*
 * TEXT, any bytes, as a word that the shell's printf turns back by '%b'. The messages to an agent
 * are UTF-8. New string.
 */
char *vk_shell_word(const char *text);
