import { readFile, writeFile } from 'node:fs/promises';

/** Resident memory of a process in MiB, from /proc. */
export async function residentMiB(pid: number): Promise<number> {
  return await statusMiB(pid, 'VmRSS');
}

/** The most of it since the process began, or since `forgetPeak`. */
export async function peakMiB(pid: number): Promise<number> {
  return await statusMiB(pid, 'VmHWM');
}

/** proc(5): 5 in clear_refs sets the peak to what is resident now. */
export async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}

async function statusMiB(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kib === undefined) throw new Error(`no ${field} for process ${pid}`);
  return Number(kib) / 1024;
}
