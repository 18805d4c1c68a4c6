/**
 * /proc/<pid>/stat: what is taken of a process.
 *
 * Source: proc_pid_stat(5). The second field is the name in brackets, and may itself hold spaces and brackets: the fields
 * after it are counted from the last `)` of the line.
 */
import type { ByteCursor } from './bytes.ts';

const CLOSE = 41;
const OPEN = 40;
const ZOMBIE = 90;
const DEAD = 88;
/** include/linux/sched.h: a thread of the kernel. */
const PF_KTHREAD = 0x0020_0000;

/** Filled anew by each parse, so that looking at a process allocates nothing. */
export class ProcessStat {
  /** The name is bytes[nameFrom..nameTo) of the text. */
  nameFrom = 0;
  nameTo = 0;
  isKernel = false;
  /** Ended, and only waiting for its parent to ask how. */
  isOver = false;
  /** Clock ticks of processor time, of all its threads. */
  ticks: number = Number.NaN;
  /** Clock ticks from boot to its start: tells it from a later process with the same pid. */
  startTicks: number = Number.NaN;
  rssPages: number = Number.NaN;

  /** False when the text is none or was cut. */
  parse(text: ByteCursor): boolean {
    const open = text.bytes.indexOf(OPEN);
    if (open === -1 || open >= text.end) return false;
    let close = text.end - 1;
    while (close > open && text.bytes[close] !== CLOSE) close--;
    if (close === open) return false;
    this.nameFrom = open + 1;
    this.nameTo = close;
    text.at = close + 1;
    text.skipSpaces();
    const state = text.peek();
    this.isOver = state === ZOMBIE || state === DEAD;
    // 3 state, 4 ppid, 5 pgrp, 6 session, 7 tty, 8 tpgid
    text.skipFields(6);
    const flags = text.number();
    this.isKernel = (flags & PF_KTHREAD) !== 0;
    // 10 minflt .. 13 cmajflt
    text.skipFields(4);
    const userTicks = text.number();
    this.ticks = userTicks + text.number();
    // 16 cutime .. 21 itrealvalue
    text.skipFields(6);
    this.startTicks = text.number();
    text.skipFields(1);
    this.rssPages = text.number();
    return !Number.isNaN(this.rssPages);
  }
}
