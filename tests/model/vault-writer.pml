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
	TOGETHER {
		do
		:: atomic { j < COLLECTORS -> condemned = condemned | announced[j]; j++ }
		:: else -> j = 0; break
		od
	}
}

/* W4 of one who takes a block that the hints know, if it is there. */
inline take_hinted()
{
	atomic {
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

proctype writer(byte w)
{
	byte j;
	byte condemned;
	byte mine; /* what its snapshot refers to */

#ifndef LOOK_FIRST
	atomic { writer_open[w] = true }; /* W1 */
	MAY_DIE;
#endif
	if
	:: HINTS(w) ->
#ifdef STALE_TABLE
		atomic { mine = STORED };
#endif
		look_for_announcements(); /* W2 */
		MAY_DIE;
		take_hinted()
	:: else -> choose_parent()
	fi;
	MAY_DIE;
#ifdef LOOK_FIRST
	atomic { writer_open[w] = true; packs = packs | OWN(w); mine = mine | OWN(w) };
	MAY_DIE;
#endif
	if /* W4 */
	:: MERGES(w) && (mine & MAP) ->
		atomic {
			if
			:: packs & MAP -> mine = mine & ~MAP
			:: else -> assert(writer_fence[w]); goto ended /* it cannot read the map */
			fi
		};
		MAY_DIE
	:: else
	fi;
#if !defined(NO_INTENT) && !defined(LATE_INTENT)
	atomic { intent[w] = true; refs[w] = mine }; /* W5 */
	MAY_DIE;
#endif
	if
	:: atomic { writer_fence[w] -> goto ended } /* W6 */
	:: atomic { !writer_fence[w] -> skip }
	fi;
#if defined(BURIAL) && !defined(NO_LOOK_FOR_END)
	if
	:: atomic { w == 0 && buried -> goto ended }
	:: atomic { w != 0 || !buried -> skip }
	fi;
#endif
	MAY_DIE;
#ifdef LATE_INTENT
	atomic { intent[w] = true; refs[w] = mine };
#endif
	TOGETHER {
		atomic { /* W7 */
			refs[w] = mine;
			mine = 0;
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
		MAY_DIE;
ended:		atomic { /* W8, and what carries its name is swept */
			mine = 0;
			writer_open[w] = false;
			writer_fence[w] = false;
			given_up[w] = false;
			intent[w] = false;
			refs[w] = (exists[w] -> refs[w] : 0);
			running--
		}
	}
}
