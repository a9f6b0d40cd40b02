/** What another process uses. */
import { readFileSync } from 'node:fs';

/** The memory in bytes and the processor time in seconds that a process has used; zeros where the system does not say. */
export function usageOf(pid) {
  try {
    const bytes = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096;
    const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
      .slice(11, 13);
    return { bytes, seconds: (Number(user) + Number(system)) / 100 };
  } catch {
    return { bytes: 0, seconds: 0 };
  }
}
