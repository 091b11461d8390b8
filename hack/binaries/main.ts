import { step } from '../progress.ts';
import { ensureBinaries } from './ensure.ts';
import { CLUSTER_PROGRAMS, PROGRAMS, type ProgramName } from './programs.ts';

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(PROGRAMS as readonly string[]).includes(name));
if (unknown.length > 0) {
  console.error(`unknown program ${unknown.join(', ')}; there are ${PROGRAMS.join(', ')}`);
  process.exit(2);
}
const names = asked.length > 0 ? (asked as ProgramName[]) : CLUSTER_PROGRAMS;
const folder = await step(`Programs: ${names.join(', ')}`, (note) => ensureBinaries(names, note));
console.log(folder);
