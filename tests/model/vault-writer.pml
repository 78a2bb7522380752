/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A writer, included by vault.pml. */
#define HINTS(w)  ((w) == 1) /* takes a block that the hints know; the others inherit */
#define MERGES(w) ((w) == 2) /* and writes a map of its own instead of the parent's */

/* Its own packs: some time between W1 and W5. */
#ifdef LOOK_FIRST
#define put_own() skip
#else
#define put_own() packs = packs | OWN(w); mine = mine | OWN(w)
#endif

inline look_for_announcements()
{
	do
	:: atomic { j < COLLECTORS -> condemned = condemned | announced[j]; j++ }
	:: atomic { j == COLLECTORS -> j = 0; break }
	od
}

/* W4 of one who takes a block that the hints know, if it is there. */
inline take_hinted()
{
	atomic {
		MAY_DIE;
#ifndef STALE_TABLE
		mine = STORED;
#endif
		mine = mine & ~condemned;
		condemned = 0;
		if
		:: mine & HINTED -> mine = HINTED
		:: mine & OWN(0) -> mine = OWN(0)
		:: else -> mine = 0
		fi;
		put_own()
	}
}

/* W3. */
inline choose_parent()
{
	atomic {
		MAY_DIE;
		if
		:: exists[FIRST] && !del[FIRST] -> mine = refs[FIRST]
		:: exists[0] && !del[0] -> mine = refs[0]
#if WRITERS > 1
		:: exists[1] && !del[1] -> mine = refs[1]
#endif
#if WRITERS > 2
		:: exists[2] && !del[2] -> mine = refs[2]
#endif
		:: else
		fi;
		put_own()
	}
}

/* W4 of one who merges: it reads the parent's map. */
inline read_map()
{
	if
	:: MERGES(w) && (mine & MAP) ->
		if
		:: packs & MAP -> mine = mine & ~MAP
		:: else -> assert(writer_fence[w]); goto ended
		fi
	:: else
	fi
}

proctype writer(byte w)
{
	byte j;
	byte condemned;
	byte mine; /* what its snapshot refers to, until its intent says so */

#ifndef LOOK_FIRST
	atomic { writer_open[w] = true }; /* W1 */
#endif
#ifdef STALE_TABLE
	mine = (HINTS(w) -> STORED : 0);
#endif
	if
	:: TOGETHER { HINTS(w) -> look_for_announcements() }; /* W2 */
		take_hinted()
	:: atomic { !HINTS(w) -> choose_parent() }
	fi;
#ifdef LOOK_FIRST
	atomic { writer_open[w] = true; packs = packs | OWN(w); mine = mine | OWN(w) };
#endif
	TOGETHER {
#if WRITERS > 2
		atomic { read_map() }; /* W4 */
#endif
#if !defined(NO_INTENT) && !defined(LATE_INTENT)
		atomic { MAY_DIE; intent[w] = true; refs[w] = mine; mine = 0 }; /* W5 */
#endif
		atomic { /* W6 */
			if
			:: writer_fence[w] -> goto ended
			:: else -> looked[w] = true
			fi
		};
#if defined(BURIAL) && !defined(NO_LOOK_FOR_END)
		atomic {
			if
			:: w == 0 && buried -> goto ended
			:: else
			fi
		}
#endif
	};
#ifdef LATE_INTENT
	atomic { intent[w] = true; refs[w] = mine; mine = 0 };
#endif
	TOGETHER {
		atomic { /* W7 */
			MAY_DIE;
#ifdef NO_INTENT
			refs[w] = mine;
			mine = 0;
#endif
			assert(!given_up[w]);
#ifdef COPIES
			if /* what it saved are copies of a snapshot that is there already, or was */
			:: HINTS(w) ->
				refs[FIRST] = (exists[FIRST] -> refs[FIRST] | refs[w] : 0);
				refs[w] = 0
			:: else -> exists[w] = true
			fi;
#else
			exists[w] = true;
#endif
			assert_whole()
		};
ended:		atomic { /* W8, and what carries its name is swept */
			mine = 0;
			condemned = 0;
			writer_open[w] = false;
			writer_fence[w] = false;
			given_up[w] = false;
			looked[w] = false;
			intent[w] = false;
			refs[w] = (exists[w] -> refs[w] : 0);
			do
			:: j < COLLECTORS -> waiting[j] = waiting[j] & ~(1 << w); j++
			:: else -> j = 0; break
			od;
			running--
		}
	};
end:	false
}
