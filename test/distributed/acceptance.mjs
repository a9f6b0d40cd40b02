/**
 * Long checks of `unspool train --distributed mpi` with real ranks, outside of the test suite. After a build, with Open MPI:
 *   node test/distributed/acceptance.mjs [bits] [kills] [network] [faults] [--updates 40] [--kills 20] [--text data/moby-dick.txt]
 * bits: 1, 2, 4 and 8 ranks write files with the same bytes. kills: so does a training whose ranks are killed, with a restart on another
 * number of ranks each time. network: so do ranks in two network namespaces (as root; 1 ms of delay and 0.1 % loss if the kernel has
 * netem, 1 Gbit/s if it has tbf). faults: a rank that hangs, a full disk, and Ctrl-C are reported. Exits with 1 if a check fails.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    updates: { type: 'string', default: '40' },
    kills: { type: 'string', default: '20' },
    text: { type: 'string', default: fileURLToPath(new URL('../../data/moby-dick.txt', import.meta.url)) },
  },
});
const TEXT = resolve(flags.text);
const UPDATES = Number(flags.updates);
const MPIRUN = ['mpirun.openmpi', '--allow-run-as-root', '--oversubscribe', '--bind-to', 'none'];
const FILES = ['m.safetensors', 'm.checkpoint.safetensors'];
const folder = mkdtempSync(join(tmpdir(), 'unspool-ranks-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Dropout, clipping, Adam, an average of the weights and early stopping. */
writeFileSync(join(folder, 'config.json'), JSON.stringify({ average: { kind: 'ema', decay: 0.9 } }));
const SIZES = ['--hidden-size', '24', '--embedding-size', '8', '--batch-size', '16', '--steps', '16', '--layers', '2'];
const RULES = ['--dropout', '0.2', '--clip-norm', '0.5', '--optimizer', 'adam', '--patience', '3', '--seed', '3'];
const SAVED = ['--max-updates', String(UPDATES), '--checkpoint-every', '5', '--validate-every', String(UPDATES / 2)];
const TRAINING = [
  TEXT,
  '--config',
  join(folder, 'config.json'),
  ...SIZES,
  ...RULES,
  ...SAVED,
  '--validation-split',
  '0.002',
];

const env = { ...process.env, OMPI_MCA_mpi_yield_when_idle: '1' };
const started = (ranks, ...args) => {
  const [command, ...own] = MPIRUN;
  const program = [process.execPath, MAIN, 'train', ...args, '--distributed', 'mpi'];
  return spawn(command, [...own, '-n', String(ranks), ...program], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
};

/** What a process ends with. */
function ended(child) {
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => (stderr += data));
  return new Promise((done) => child.on('close', (code) => done({ code, stdout, stderr })));
}

let failures = 0;
function check(what, isTrue, more = '') {
  if (!isTrue) failures++;
  console.log(`${isTrue ? 'ok    ' : 'FAILED'} ${what}${isTrue ? '' : `\n${more}`}`);
}

const digest = (name) =>
  FILES.map((file) =>
    createHash('sha256')
      .update(readFileSync(join(folder, file.replace(/^m/, name))))
      .digest('hex'),
  ).join(' ');

let expected = null;
/** The digests of the files of one process. */
async function expectedDigest() {
  if (expected) return expected;
  const args = [MAIN, 'train', ...TRAINING, '--shards', '8', '--out', 'one.safetensors', '--quiet'];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env });
  if (status !== 0) throw new Error(stderr);
  expected = digest('one');
  return expected;
}

async function bits() {
  const whole = await expectedDigest();
  for (const ranks of [1, 2, 4, 8]) {
    const { code, stderr } = await ended(started(ranks, ...TRAINING, '--out', `r${ranks}.safetensors`, '--quiet'));
    check(`${ranks} ranks: the bytes of one process`, code === 0 && digest(`r${ranks}`) === whole, stderr);
  }
}

/** The processes of the ranks of a job. */
function pidsOf(file) {
  const isRank = (pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words.includes(MAIN) && words[0] === process.execPath && words.some((word) => word.includes(file));
    } catch {
      return false; // it has ended
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isRank(name))
    .map(Number);
}

async function kills() {
  const whole = await expectedDigest();
  let [count, round] = [0, 0];
  while (count < Number(flags.kills)) {
    const out = `k${round++}.safetensors`;
    const checkpoint = join(folder, out.replace('.safetensors', '.checkpoint.safetensors'));
    let args = [...TRAINING, '--out', out, '--quiet'];
    for (let isDone = false; !isDone; ) {
      const ranks = 1 + Math.floor(8 * Math.random());
      const end = ended(started(ranks, ...args));
      const isKilled = count < Number(flags.kills) && (await killed(out, end));
      const { code, stderr } = await end;
      if (isKilled) count++;
      else check(`a run of ${ranks} ranks ends`, code === 0, stderr);
      isDone = !isKilled;
      if (existsSync(checkpoint)) args = ['--resume', checkpoint, '--out', out, '--quiet'];
    }
    check(`${count} kills so far: the bytes of one process`, digest(out.replace('.safetensors', '')) === whole);
  }
}

/** Kills a random rank after a random time, unless the training ends before. */
async function killed(out, end) {
  let hasEnded = false;
  void end.then(() => (hasEnded = true));
  while (!hasEnded && pidsOf(out).length === 0) await sleep(50);
  await sleep(500 + 4000 * Math.random());
  const pids = pidsOf(out);
  if (hasEnded || pids.length === 0) return false;
  process.kill(pids[Math.floor(pids.length * Math.random())], 'SIGKILL');
  return (await end).code !== 0;
}

const NAMES = ['unspool-a', 'unspool-b'];
const ip = (...args) => spawnSync('ip', args, { encoding: 'utf8' });

async function network() {
  const whole = await expectedDigest();
  const agent = join(folder, 'agent.sh');
  writeFileSync(
    agent,
    '#!/bin/sh\nhost=$1; shift\n[ $host = 10.77.0.1 ] && name=unspool-a || name=unspool-b\nexec ip netns exec $name sh -c "$*"\n',
  );
  chmodSync(agent, 0o755);
  try {
    for (const name of NAMES)
      if (ip('netns', 'add', name).status !== 0) throw new Error('this system allows no namespaces');
    ip('link', 'add', 'unspool0', 'type', 'veth', 'peer', 'name', 'unspool1');
    NAMES.forEach((name, i) => {
      ip('link', 'set', `unspool${i}`, 'netns', name);
      ip('-n', name, 'addr', 'add', `10.77.0.${i + 1}/24`, 'dev', `unspool${i}`);
      for (const link of ['lo', `unspool${i}`]) ip('-n', name, 'link', 'set', link, 'up');
    });
    const kinds = [
      ['netem', 'delay', '1ms', 'loss', '0.1%'],
      ['tbf', 'rate', '1gbit', 'burst', '64kb', 'latency', '20ms'],
    ];
    for (const kind of kinds) {
      const added = NAMES.map((name, i) =>
        ip('netns', 'exec', name, 'tc', 'qdisc', 'replace', 'dev', `unspool${i}`, 'root', ...kind),
      );
      const error = added.find(({ status }) => status !== 0)?.stderr.trim();
      console.log(error ? `       without ${kind[0]}: ${error}` : `       with ${kind.join(' ')}`);
      if (!error) break;
    }
    const hosts = ['--host', '10.77.0.1:1,10.77.0.2:1', '--mca', 'plm_rsh_agent', agent, '--mca', 'btl', 'tcp,self'];
    const only = ['--mca', 'btl_tcp_if_include', '10.77.0.0/24', '--mca', 'oob_tcp_if_include', '10.77.0.0/24'];
    const [command, ...own] = MPIRUN;
    const program = [
      process.execPath,
      MAIN,
      'train',
      ...TRAINING,
      '--out',
      'net.safetensors',
      '--quiet',
      '--distributed',
      'mpi',
    ];
    const words = ['netns', 'exec', NAMES[0], command, ...own, ...hosts, ...only, '-n', '2', ...program];
    const start = performance.now();
    const { status, stderr } = spawnSync('ip', words, { cwd: folder, env, encoding: 'utf8', timeout: 600_000 });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const isSame = status === 0 && digest('net') === whole;
    check(`2 ranks in 2 network namespaces: the bytes of one process, in ${seconds} s`, isSame, stderr);
  } finally {
    for (const name of NAMES) ip('netns', 'del', name);
  }
}

/** MPI has started on all ranks when the first update is printed. */
const firstUpdate = (child) =>
  new Promise((done) => child.stdout.on('data', (data) => /"update":/.test(data) && done()));

async function faults() {
  const endless = [TEXT, ...SIZES, '--epochs', '9', '--validation-split', '0.002'];
  const hanging = started(2, ...endless, '--out', 'h.safetensors', '--rank-timeout', '5', '--json');
  const hung = ended(hanging);
  await firstUpdate(hanging);
  const [, stopped] = pidsOf('h.safetensors');
  process.kill(stopped, 'SIGSTOP');
  const late = await hung;
  check(
    'a rank that hangs is reported',
    late.code !== 0 && /rank \d has waited 5 s for the other ranks/.test(late.stderr),
    late.stderr,
  );

  const disk = join(folder, 'disk');
  mkdirSync(disk);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', disk]).status === 0) {
    const full = await ended(
      started(2, ...endless, '--max-updates', '3', '--out', join(disk, 'f.safetensors'), '--quiet'),
    );
    spawnSync('umount', [disk]);
    const lines = full.stderr.match(/cannot be written \(ENOSPC\)/g);
    check('a full disk is reported once, and ends all ranks', full.code !== 0 && lines?.length === 1, full.stderr);
  } else console.log('       without a full disk: only root can mount one');

  const running = started(2, ...endless, '--out', 'c.safetensors', '--json');
  const stop = ended(running);
  await firstUpdate(running);
  running.kill('SIGINT');
  const { stdout, stderr } = await stop;
  const isSaved = existsSync(join(folder, 'c.checkpoint.safetensors'));
  check('Ctrl-C ends all ranks with a checkpoint', /"kind":"interrupted"/.test(stdout) && isSaved, stderr);
}

const CHECKS = { bits, kills, network, faults };
for (const name of positionals.length > 0 ? positionals : Object.keys(CHECKS)) await CHECKS[name]();
process.exitCode = failures > 0 ? 1 : 0;
