/** `unspool train --ranks N`: starts the ranks, and starts them again from the checkpoint when one has died. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { argv, execPath } from 'node:process';
import { UnspoolError } from '../../index.js';
import { exists } from '../../node/read.js';
import { UsageError } from '../command.js';
import { createOutput } from '../output.js';
import { isRunDirectory, RUN_FILES } from '../runs/files.js';
import { dashed } from '../settings.js';
import { checkpointFile } from './checkpoints.js';
import type { TrainFlags } from './start.js';

/** The options of this command. */
export interface StartFlags extends TrainFlags {
  readonly distributed: string | undefined;
  readonly ranks: number | undefined;
  readonly starter: string | undefined;
  readonly restarts: number | undefined;
  readonly rankTimeout: number | undefined;
}

/** Options of this process, which the ranks do not receive. */
const OWN = ['--ranks', '--starter', '--restarts'];

/** The command line without the options of this process. */
function withoutOwn(words: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (OWN.includes(word)) i++;
    else if (!OWN.some((name) => word.startsWith(`${name}=`))) kept.push(word);
  }
  return kept;
}

/** The checkpoint that a restart continues; null if none was saved. */
async function checkpointOf({ resume, run, out }: StartFlags): Promise<string | null> {
  const place = out ?? run ?? resume!;
  const isFolder = out === undefined && (run !== undefined || (await isRunDirectory(place)));
  const file = isFolder ? join(place, RUN_FILES.model) : place.replace(/\.checkpoint\.safetensors$/, '.safetensors');
  const checkpoint = checkpointFile(file);
  return (await exists(checkpoint)) ? checkpoint : null;
}

function requireFlags({ distributed, ranks, restarts = 0, run, out, resume }: StartFlags): void {
  if (distributed === undefined)
    throw new UsageError('--ranks, --restarts, --starter and --rank-timeout need --distributed mpi.');
  if (ranks === undefined) {
    const why = 'MPI ends every rank when one dies, so the command that starts them has to restart them.';
    throw new UsageError(`--restarts and --starter need --ranks N. ${why}`);
  }
  if (restarts > 0 && run === undefined && out === undefined && resume === undefined) {
    throw new UsageError('--restarts needs --run DIR, --out FILE or --resume: where the checkpoint is.');
  }
}

/** Runs the command on all ranks until it ends or has been restarted so many times. Returns its exit code. */
export async function startRanks(options: StartFlags): Promise<number> {
  requireFlags(options);
  const { restarts = 0 } = options;
  const { warn } = createOutput(options);
  let words = withoutOwn(argv.slice(2));
  for (let restart = 0; ; restart++) {
    const { code, isStopped } = await runOnce(options, words);
    if (code === 0 || code === 2 || isStopped || restart === restarts) return code;
    const checkpoint = await checkpointOf(options);
    if (checkpoint === null) return code;
    warn(`The ranks ended with code ${code}. Restart ${restart + 1} of ${restarts} continues ${checkpoint}.`);
    words = resumeWords(checkpoint, options);
  }
}

/** The command line that continues a checkpoint. Its settings are in the checkpoint. */
function resumeWords(checkpoint: string, options: StartFlags): string[] {
  const { backend, threads, rankTimeout, json, quiet, out } = options;
  const values = { backend, threads, rankTimeout, out, resume: checkpoint, distributed: 'mpi' };
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  const flags = Object.entries({ json, quiet }).flatMap(([name, isSet]) => (isSet ? [`--${name}`] : []));
  return ['train', ...given.flatMap(([name, value]) => [`--${dashed(name)}`, String(value)]), ...flags];
}

/** Runs the ranks once, and passes on signals. */
function runOnce(
  { starter = 'mpirun', ranks }: StartFlags,
  words: readonly string[],
): Promise<{ readonly code: number; readonly isStopped: boolean }> {
  const [command = 'mpirun', ...own] = starter.trim().split(/\s+/);
  const child = spawn(command, [...own, '-n', String(ranks), execPath, argv[1]!, ...words], { stdio: 'inherit' });
  let isStopped = false;
  const pass = (signal: NodeJS.Signals): void => {
    isStopped = true;
    child.kill(signal === 'SIGINT' ? 'SIGTERM' : signal); // a terminal sends Ctrl-C to the child itself
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, pass);
  return new Promise((resolve, reject) => {
    child.on('error', () => {
      const help = 'Install MPI (Debian: apt install openmpi-bin; macOS: brew install open-mpi), or pass --starter.';
      reject(new UnspoolError({ code: 'INVALID_SETTING', path: 'starter', problem: `cannot run ${command}.`, help }));
    });
    child.on('close', (code, signal) => {
      for (const name of signals) process.off(name, pass);
      resolve({ code: code ?? (signal === null ? 1 : 128), isStopped });
    });
  });
}
