/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arrays of MD. They are started as they are, without a member if need be; nothing is rebuilt.
 * Threads: one.
 */
#pragma once

/* Adds the arrays whose members are among the volumes, and were not looked at yet. */
void agent_raid_assemble(void);
