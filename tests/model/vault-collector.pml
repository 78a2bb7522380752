/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A collector, included by vault.pml. */
/* A listing is no moment: each snapshot is looked at for itself. */
inline mark_all()
{
	do
	:: atomic {
		i < SNAPSHOTS ->
		marked = marked | (exists[i] -> refs[i] : 0);
		i++
	}
	:: atomic { i == SNAPSHOTS -> i = 0; break }
	od
}

/* D1 to D6, without what is said in marks.pml. */
inline find_forgotten()
{
	TOGETHER {
		do /* D1 */
		:: atomic {
			i < SNAPSHOTS ->
			forgotten = forgotten | ((exists[i] && del[i]) << i);
			i++
		}
		:: atomic { i == SNAPSHOTS -> i = 0; break }
		od;
#ifdef READER
		atomic { forgotten = forgotten & ~held }; /* D5 */
#endif
#ifndef NO_D6
		atomic {
			if
			:: forgotten && collector_fence[c] -> goto withdraw /* D6 */
			:: else
			fi
		}
#endif
	}
}

/* D7. */
inline remove_forgotten()
{
	atomic {
		MAY_DIE;
#ifdef READER
		assert(!(forgotten & open));
#endif
		do
		:: i < SNAPSHOTS ->
			if
			:: forgotten & (1 << i) -> exists[i] = false; del[i] = false; refs[i] = 0
			:: else
			fi;
			i++
		:: else -> i = 0; break
		od;
		forgotten = 0
	}
}

inline list_writers()
{
	atomic {
		do
		:: i < WRITERS -> waiting[c] = waiting[c] | (writer_open[i] << i); i++
		:: else -> i = 0; break
		od
	}
}

/* G4 for one writer. Fencing it, and then looking for its intent. */
inline give_up(w)
{
#ifdef LATE_FENCE
	{
		waiting[c] & (1 << w) && !intent[w];
		atomic { writer_fence[w] = writer_open[w] };
#else
	TOGETHER {
		atomic { waiting[c] & (1 << w) -> writer_fence[w] = !looked[w] };
#endif
		atomic {
			if
			:: !writer_open[w]
#if !defined(IGNORE_INTENT) && !defined(LATE_FENCE)
			:: intent[w] -> plan = plan & ~refs[w]
#endif
			:: else -> given_up[w] = true
			fi;
			waiting[c] = waiting[c] & ~(1 << w)
		}
	}
}

#ifdef COMPACT
inline compact()
{
	atomic { /* what stays is read */
		MAY_DIE;
		marked = STORED & SHARED & ~plan;
		do
		:: i < LAST + 2 ->
			up_to = (level[i] >= up_to -> level[i] + 1 : up_to);
			i++
		:: else -> i = 0; break
		od
	};
	atomic {
		MAY_DIE;
		if
		:: marked -> generation[1 + c] = marked; level[1 + c] = up_to
		:: else
		fi
	};
	atomic { /* the lower generations go */
		MAY_DIE;
		do
		:: i < LAST + 2 ->
			if
#ifdef DELETE_EQUAL
			:: level[i] <= up_to && i != 1 + c -> generation[i] = 0; level[i] = 0
#else
			:: level[i] < up_to -> generation[i] = 0; level[i] = 0
#endif
			:: else
			fi;
			i++
		:: else -> i = 0; break
		od;
		assert_whole();
		up_to = 0;
		marked = 0;
		plan = 0
	}
}
#endif

proctype collector(byte c)
{
	byte i, j;
	byte forgotten; /* snapshots, as bits */
	byte plan;      /* slots */
	byte marked;    /* slots */
#ifdef COMPACT
	byte up_to;
#endif

	TOGETHER { /* G0 */
		atomic {
			collector_open[c] = true;
			/* They differ by their number alone: 0 is the one that comes first. */
			if
			:: c + 1 < COLLECTORS -> run collector(c + 1)
			:: else
			fi
		};
#if COLLECTORS > 1
		atomic {
			if
			:: c != LAST && collector_open[1 - c] -> goto withdraw /* it is alive */
#ifdef SUSPECT
			:: c != LAST && collector_open[1 - c] -> collector_fence[1 - c] = true
#endif
			:: else
			fi
		}
#endif
	};
	find_forgotten();
	TOGETHER {
		remove_forgotten();
		atomic { plan = STORED }; /* G1 */
		mark_all();
		atomic {
			plan = plan & ~marked;
			marked = 0;
			if
			:: !plan -> goto withdraw
			:: else
			fi
		}
	};
#ifdef LEASES_FIRST
	list_writers();
	atomic { MAY_DIE; announced[c] = plan & KNOWN };
#else
	TOGETHER {
		atomic { MAY_DIE; announced[c] = plan & KNOWN }; /* G2 */
		list_writers() /* G3 */
	};
#endif
	do /* G4 */
#ifdef SUSPECT
	:: give_up(0)
#if WRITERS > 1
	:: give_up(1)
#endif
#if WRITERS > 2
	:: give_up(2)
#endif
#endif
	:: TOGETHER {
		!waiting[c];
#ifndef NO_SECOND_LIST
		mark_all(); /* G5 */
#endif
		atomic {
			plan = plan & ~marked;
			marked = 0;
#ifndef NO_G6
			if
			:: collector_fence[c] -> goto withdraw /* G6 */
			:: else
			fi;
#endif
			break
		}
	}
#ifdef CRASH
	:: atomic { waiting[c] && !alone -> goto ended }
#endif
	od;
#ifdef WITHDRAW_EARLY
	atomic {
		announced[0] = (collector_fence[0] -> 0 : announced[0]);
		announced[1] = (collector_fence[1] -> 0 : announced[1])
	};
	if
	:: true
	:: atomic { plan = 0 } /* it is interrupted */
	fi;
#endif
	atomic {
		MAY_DIE;
		packs = packs & ~plan;
		plan = plan & SHARED;
		assert_whole();
		if
		:: !plan -> goto withdraw
		:: else
		fi
	};
#ifdef COMPACT
	compact();
#endif
withdraw:
#ifdef FINE
	skip;
#endif
	TOGETHER {
		atomic { MAY_DIE; announced[c] = 0 }; /* G7 */
ended:		atomic {
			forgotten = 0; plan = 0; marked = 0; waiting[c] = 0;
			collector_open[c] = false;
			collector_fence[c] = false;
			running--
		}
#ifdef CRASH
		;
		atomic { announced[c] = 0 } /* it is swept */
#endif
	};
end:	false
}
