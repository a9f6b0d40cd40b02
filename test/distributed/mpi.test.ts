/** The communicator of MPI, under the mpirun of Open MPI and of MPICH, and what is said where something is missing. */
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { mpiRank } from '../../src/distributed/mpi.js';
import { start } from '../../src/distributed/mpi-library.js';
import { type Folder, folder, ROOT } from '../cli/support.js';
import { rejected } from '../support/errors.js';
import { describeWithMpi, MPI_STARTERS } from '../support/machine.js';

/** Runs a program on several ranks of this machine, also as root, as in a container. */
function mpirun(starter: string, ranks: number, args: readonly string[], env: Record<string, string> = {}) {
  const own = starter.includes('openmpi') ? ['--allow-run-as-root', '--oversubscribe'] : [];
  return spawnSync(starter, [...own, '-n', String(ranks), process.execPath, ...args], {
    encoding: 'utf8',
    env: { ...process.env, OMPI_MCA_mpi_yield_when_idle: '1', ...env }, // three ranks on two cores
    timeout: 60_000,
  });
}

/** Expects that no rank has unloaded the library: the threads of Node's pool end later, and run its code. */
function expectKept(log: Folder): void {
  const texts = readdirSync(log.path).map((name) => log.read(name).toString());
  const ranks = texts.filter((text) => /init: .*koffi/.test(text));
  expect(ranks).toHaveLength(3);
  for (const text of ranks) {
    const lines = text.split('\n').filter((line) => /libmpi(ch)?\.so/.test(line));
    expect(lines.filter((line) => line.includes('calling init'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('destroying'))).toEqual([]);
  }
}

describeWithMpi('under MPI', () => {
  test.each(MPI_STARTERS)('%s: every call gives what it should, and the event loop stays free', (starter) => {
    const log = folder();
    const logged = { LD_DEBUG: 'files', LD_DEBUG_OUTPUT: join(log.path, 'log') };
    const { stdout, stderr, status } = mpirun(starter, 3, [join(__dirname, 'rank.mjs')], logged);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    if (process.platform === 'linux') expectKept(log);
    const ranks = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { rank: number });
    expect(ranks.sort((a, b) => a.rank - b.rank)).toEqual(
      [0, 1, 2].map((rank) => ({
        ...{ rank, size: 3, hasTicked: true, isSbrkKept: true },
        results: Array(4).fill({
          all: [0, 7, 1, 7, 2, 7],
          data: [3, 4],
          received: [rank, 10 + rank, 20 + rank],
          reduced: [6, 1, 3],
        }),
      })),
    );
  });

  test('a library of another kind than the program that started the ranks', () => {
    const program = `
      import { mpiRank } from '${pathToFileURL(join(ROOT, 'dist/distributed/index.js'))}';
      process.env.PMI_SIZE = '4';
      process.env.OMPI_COMM_WORLD_SIZE = '4';
      await mpiRank().catch((error) => console.log(error.message));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
    expect(stdout).toContain('it sees 1 of 4 ranks. Start the ranks with the mpirun of that library');
  });

  test('a path that is not a library', async () => {
    expect((await rejected(() => mpiRank({ library: '/no/such/libmpi.so' }))).message).toMatch(
      /^MPI cannot be used: \/no\/such\/libmpi\.so is not a library\. Install both:\n/,
    );
    expect((await rejected(() => mpiRank({ library: '' }))).message).toMatch(
      /^MPI cannot be used: the library has no functions of MPI\./,
    );
  });
});

describe('without MPI', () => {
  const empty = folder();

  test('it says what to install on Debian, macOS and a cluster', () => {
    cpSync(join(ROOT, 'dist'), join(empty.path, 'dist'), { recursive: true });
    const program = `
      import { mpiRank } from './dist/distributed/index.js';
      await mpiRank().catch((error) => console.log(error.code + ': ' + error.message));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: empty.path,
      encoding: 'utf8',
    });
    expect(stdout).toContain('INVALID_SETTING: MPI cannot be used: the package koffi is not installed.');
    for (const line of [
      'npm install koffi',
      'apt install openmpi-bin',
      'brew install open-mpi',
      'module load openmpi',
    ]) {
      expect(stdout).toContain(line);
    }
  });

  test('options that cannot work', async () => {
    expect((await rejected(() => mpiRank({ timeout: 0 }))).message).toContain('options.timeout');
    expect((await rejected(() => mpiRank({ library: 3 } as never))).message).toContain(
      'options.library must be a path',
    );
    expect((await rejected(() => mpiRank({ path: 'x' } as never))).message).toContain('path');
  });
});

describe('the handles of libraries', () => {
  /** A library with MPI's functions that writes 3 to what it is given last; `symbols` are its variables. */
  function libraryWith(symbols: readonly string[]) {
    const calls: unknown[][] = [];
    const types = new Set<string>();
    const call = (name: string, args: unknown[]): number => {
      calls.push([name, ...args.map((arg) => (ArrayBuffer.isView(arg) ? 'memory' : arg))]);
      const last = args.at(-1);
      if (last instanceof Int32Array) last[0] = 3;
      return 0;
    };
    const func = (name: string, _: string, parameters: readonly string[]) => {
      for (const type of parameters) types.add(type);
      const async = (...args: unknown[]): void => {
        call(name, args.slice(0, -1));
        (args.at(-1) as (error: null, code: number) => void)(null, 0);
      };
      return Object.assign((...args: readonly unknown[]) => call(name, [...args]), { async });
    };
    const symbol = (name: string): string => {
      if (symbols.includes(name)) return `&${name}`;
      throw new Error('unknown');
    };
    return { library: { func, symbol }, calls, types };
  }

  const OPEN_MPI = ['comm_world', 'float', 'double', 'int', 'unsigned_char', 'op_sum', 'op_min', 'op_max'];

  test.each([
    ['/usr/lib/libmpi_abi.so.0', OPEN_MPI, 'intptr_t', [0x101, 0x210, 0x214, 0x209, 0x245, 0x21, 0x22, 0x23]],
    [
      'libmpich.so.12',
      [],
      'int',
      [0x44000000, 0x4c00040a, 0x4c00080b, 0x4c000405, 0x4c000102, 0x58000003, 0x58000002, 0x58000001],
    ],
    ['/opt/libmpi_abi/libmpi.so.40', OPEN_MPI, 'void *', OPEN_MPI.map((name) => `&ompi_mpi_${name}`)],
  ])('%s', async (path, symbols, type, [world, float, double, int, byte, sum, min, max]) => {
    const { library, calls, types } = libraryWith(symbols.map((name) => `ompi_mpi_${name}`));
    const mpi = start(library, path);
    expect(types).toEqual(new Set(['void *', 'int', type]));
    expect([mpi.rank, mpi.size, mpi.world]).toEqual([3, 3, world]);
    expect([Float32Array, Float64Array, Int32Array, Uint8Array].map((Numbers) => mpi.typeOf(new Numbers(1)))).toEqual([
      ...[float, double, int, byte],
    ]);
    expect(mpi.operations).toEqual({ sum, min, max });
    await mpi.call('MPI_Barrier', [mpi.world]);
    mpi.finalize();
    mpi.abort();
    expect(calls).toEqual([
      ['MPI_Init_thread', null, null, 2, 'memory'],
      ['MPI_Comm_rank', world, 'memory'],
      ['MPI_Comm_size', world, 'memory'],
      ['MPI_Barrier', world],
      ['MPI_Finalize'],
      ['MPI_Abort', world, 1],
    ]);
  });
});
