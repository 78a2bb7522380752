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
	:: else -> i = 0; break
	od
}

/* D1 to D7, without what is said in marks.pml. */
inline remove_forgotten()
{
	TOGETHER {
		do /* D1 */
		:: atomic {
			i < SNAPSHOTS ->
			forgotten = forgotten | ((exists[i] && del[i]) << i);
			i++
		}
		:: else -> i = 0; break
		od;
#ifdef READER
		atomic { forgotten = forgotten & ~held }; /* D5 */
#endif
#ifndef NO_D6
		if
		:: atomic { forgotten && collector_fence[c] -> goto withdraw } /* D6 */
		:: atomic { !forgotten || !collector_fence[c] -> skip }
		fi
#endif
	};
	if
	:: forgotten -> /* D7 */
		MAY_DIE;
		atomic {
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
		};
		MAY_DIE
	:: else
	fi
}

/* G4 for one writer. Fencing it, and then looking for its intent. */
inline give_up(w)
{
#ifdef LATE_FENCE
	{
		writer_open[w] && !intent[w];
		atomic { writer_fence[w] = true };
#else
	TOGETHER {
		atomic { writer_open[w] -> writer_fence[w] = true };
#endif
		atomic {
			if
			:: !writer_open[w]
#if !defined(IGNORE_INTENT) && !defined(LATE_FENCE)
			:: intent[w] -> marked = marked | refs[w]
#endif
			:: else -> given_up[w] = true
			fi;
			waiting = waiting & ~(1 << w)
		}
	}
}

#ifdef COMPACT
inline compact()
{
	atomic { /* what stays is read */
		marked = STORED & SHARED & ~plan;
		do
		:: i < LAST + 2 ->
			up_to = (level[i] >= up_to -> level[i] + 1 : up_to);
			i++
		:: else -> i = 0; break
		od
	};
	MAY_DIE;
	if
	:: marked ->
		atomic { generation[1 + c] = marked; level[1 + c] = up_to };
		MAY_DIE
	:: else
	fi;
	atomic { /* the lower generations go */
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
	byte waiting;   /* writers, as bits */
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
		if
		:: c != LAST ->
			if
			:: atomic { collector_open[1 - c] -> goto withdraw } /* it is alive */
#ifdef SUSPECT
			:: atomic { collector_open[1 - c] -> collector_fence[1 - c] = true }
#endif
			:: atomic { !collector_open[1 - c] -> skip }
			fi
		:: else
		fi
#endif
	};
	MAY_DIE;
	remove_forgotten();
	TOGETHER { /* G1 */
		atomic { plan = STORED };
		mark_all();
		plan = plan & ~marked;
		marked = 0
	};
	if
	:: !plan -> goto withdraw
	:: else
	fi;
	MAY_DIE;
#ifdef LEASES_FIRST
	atomic {
		do
		:: i < WRITERS -> waiting = waiting | (writer_open[i] << i); i++
		:: else -> i = 0; break
		od
	};
	atomic { announced[c] = plan };
#else
	TOGETHER {
		atomic { announced[c] = plan }; /* G2 */
		atomic { /* G3 */
			do
			:: i < WRITERS -> waiting = waiting | (writer_open[i] << i); i++
			:: else -> i = 0; break
			od
		}
	};
#endif
	MAY_DIE;
	do /* G4 */
	:: waiting & 1 ->
		if
		:: atomic { !writer_open[0] -> waiting = waiting & ~1 }
#ifdef SUSPECT
		:: give_up(0)
#endif
		fi
#if WRITERS > 1
	:: !(waiting & 1) && (waiting & 2) ->
		if
		:: atomic { !writer_open[1] -> waiting = waiting & ~2 }
#ifdef SUSPECT
		:: give_up(1)
#endif
		fi
#endif
#if WRITERS > 2
	:: waiting == 4 ->
		if
		:: atomic { !writer_open[2] -> waiting = 0 }
#ifdef SUSPECT
		:: give_up(2)
#endif
		fi
#endif
	:: !waiting -> break
	od;
	TOGETHER {
#ifndef NO_SECOND_LIST
		mark_all(); /* G5 */
#endif
		plan = plan & ~marked;
		marked = 0;
#ifndef NO_G6
		if
		:: atomic { collector_fence[c] -> goto withdraw } /* G6 */
		:: atomic { !collector_fence[c] -> skip }
		fi
#endif
	};
#ifdef WITHDRAW_EARLY
	atomic {
		announced[0] = (collector_fence[0] -> 0 : announced[0]);
		announced[1] = (collector_fence[1] -> 0 : announced[1])
	};
#endif
	MAY_DIE;
	if
	:: atomic { packs = packs & ~plan; plan = plan & SHARED; assert_whole() };
		MAY_DIE
#ifdef WITHDRAW_EARLY
	:: plan = 0 /* it is interrupted */
#endif
	fi;
#ifdef COMPACT
	if
	:: plan -> compact()
	:: else
	fi;
#endif
withdraw:
	atomic {
		announced[c] = 0; /* G7 */
ended:		forgotten = 0; plan = 0; marked = 0; waiting = 0;
		collector_open[c] = false;
		collector_fence[c] = false;
		running--
	};
#ifdef CRASH
	atomic { announced[c] = 0 } /* it is swept */
#endif
}
