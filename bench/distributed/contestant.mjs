/** Processes that take turns: one contestant runs, and the others are stopped (SIGSTOP), so that a rank that waits takes no time. */
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { neutral, torchSettings } from '../peers/environment.mjs';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));

/** The lines of a stream, kept from now on. */
const linesOf = (stream) => createInterface({ input: stream })[Symbol.asyncIterator]();

export class Contestant {
  constructor(children, streams, ranks) {
    this.children = children;
    this.streams = streams.map(linesOf);
    this.ranks = ranks;
    this.pids = [];
  }

  /** Waits until all ranks are ready, and stops them. */
  async ready() {
    const each = this.ranks / this.streams.length;
    for (const stream of this.streams) {
      for (let i = 0; i < each; i++) {
        const { pid, bytes } = await this.next(stream);
        this.pids.push(pid);
        this.bytes = bytes;
      }
    }
    this.signal('SIGSTOP');
  }

  /** The next message; a line that is not one is printed. */
  async next(stream) {
    for (;;) {
      const { value, done } = await stream.next();
      if (done) throw new Error('a process of the benchmark ended early');
      if (value.startsWith('{')) return JSON.parse(value);
      console.error(value);
    }
  }

  signal(name) {
    for (const pid of this.pids) process.kill(pid, name);
  }

  /** Runs steps. Returns the answers of all processes. */
  async run(count) {
    this.signal('SIGCONT');
    for (const child of this.children) child.stdin.write(`${count}\n`);
    const answers = [];
    for (const stream of this.streams) answers.push(await this.next(stream));
    this.signal('SIGSTOP');
    return answers;
  }

  end() {
    this.signal('SIGCONT');
    for (const child of this.children) child.stdin.end();
  }
}

/** Runs `act`. If it fails or is interrupted, ends all processes of the contestants, some of which are stopped. */
export async function withAll(contestants, act) {
  const end = () => {
    for (const { pids, children } of contestants) {
      for (const pid of pids) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
      for (const child of children) child.kill('SIGKILL');
    }
  };
  const interrupt = () => {
    end();
    process.exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, interrupt);
  try {
    return await act();
  } catch (error) {
    end();
    throw error;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, interrupt);
  }
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const START = ['mpirun.openmpi', 'mpirun', 'mpiexec'];
export const mpirun = START.find((name) => spawnSync(name, ['--version']).status === 0);

/** Processes of rank.mjs: one, or the ranks that mpirun starts. */
export function unspool(task, ranks = 1) {
  const program = [process.execPath, file('rank.mjs'), JSON.stringify({ ...task, isMpi: ranks > 1 })];
  const isOpen = /open.?mpi|openrte/i.test(String(spawnSync(mpirun ?? 'true', ['--version']).stdout));
  const flags = isOpen ? ['--allow-run-as-root', '--oversubscribe', '--bind-to', 'none'] : [];
  const [name, ...args] = ranks > 1 ? [mpirun, ...flags, '-n', String(ranks), ...program] : program;
  const env = { ...process.env, OMPI_MCA_mpi_yield_when_idle: '1' };
  const child = spawn(name, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
  return new Contestant([child], [child.stdout], ranks);
}

/** Processes of PyTorch; each has its own stdin. `port` connects them. */
export function pytorch(python, task, ranks, port) {
  const children = Array.from({ length: ranks }, (_, rank) => {
    const group = { MASTER_ADDR: '127.0.0.1', MASTER_PORT: port, RANK: rank, WORLD_SIZE: ranks };
    const env = { ...neutral(process.env), ...torchSettings({ threads: 1 }), ...group };
    const args = [file('../python/ddp.py'), JSON.stringify({ ...task, threads: 1 })];
    return spawn(python, args, { stdio: ['pipe', 'ignore', 'inherit', 'pipe'], env });
  });
  return new Contestant(
    children,
    children.map((child) => child.stdio[3]),
    ranks,
  );
}
