/** What is published: nothing runs at installation, nothing is missing, nothing is there by mistake. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ROOT } from '../cli/support.js';

interface Manifest {
  readonly [key: string]: unknown;
  readonly scripts: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin: Readonly<Record<string, string>>;
}

const text = (name: string): string => readFileSync(join(ROOT, name), 'utf8');
const manifest = JSON.parse(text('package.json')) as Manifest;

/** Every script that npm would run when a user installs the package. */
const AT_INSTALLATION = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare', 'postprepare'];

describe('package.json', () => {
  test.each(AT_INSTALLATION)('package.json has no %s script', (name) => {
    expect(manifest.scripts[name]).toBeUndefined();
  });

  test('what may be there and need not: what draws reports, the GPU, MPI, a native BLAS, and Parquet files', () => {
    const names = ['@observablehq/plot', '@resvg/resvg-js', 'gpu.js', 'hyparquet', 'koffi', 'linkedom', 'webgpu'];
    expect(Object.keys(manifest.peerDependencies as object)).toEqual(names);
    const meta = manifest.peerDependenciesMeta as Record<string, { optional: boolean }>;
    expect(names.map((name) => meta[name])).toEqual(names.map(() => ({ optional: true })));
  });

  test('no dependencies of any other kind: what is needed is packed along, with its licenses', () => {
    for (const kind of [
      'dependencies',

      'optionalDependencies',
      'bundleDependencies',
      'bundledDependencies',
    ]) {
      expect(manifest[kind]).toBeUndefined();
    }
    const licenses = text('dist/licenses.txt');
    for (const name of ['ndarray', 'iota-array', 'is-buffer', 'seedrandom']) {
      expect(licenses).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\\n[^]*?Permission is hereby granted`, 'm'));
    }
  });

  test('an ES module without side effects, for a Node that has process.getBuiltinModule', () => {
    expect(manifest).toMatchObject({ type: 'module', sideEffects: false, engines: { node: '^20.16 || >=22.3' } });
  });

  test('every entry of the exports and every command is a file that the build made', () => {
    const files = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    );
    expect(files.length).toBeGreaterThan(4);
    for (const file of [...files, ...Object.values(manifest.bin)]) {
      expect(`${file} ${existsSync(join(ROOT, file))}`).toBe(`${file} true`);
    }
    for (const file of Object.values(manifest.bin)) expect(text(file)).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  test('the entries can be imported by their names', () => {
    const program = `
      const { createModel, fit } = await import('unspool');
      const { loadModel, saveModel } = await import('unspool/node');
      const { createModelInWorker, serve } = await import('unspool/worker');
      const { trace } = await import('unspool/inspect');
      console.log([createModel, fit, loadModel, saveModel, createModelInWorker, serve, trace].map((f) => typeof f).join(' '));`;
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(printed).toBe(`${Array(7).fill('function').join(' ')}\n`);
  });

  test('the library is loaded without anything of Node or of another package', () => {
    const seen = new Set<string>();
    const foreign = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const imports = readFileSync(file, 'utf8').matchAll(/^(?:import|export)\s(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]/gm);
      for (const [, name] of imports) {
        if (name!.startsWith('.')) visit(join(dirname(file), name!));
        else foreign.add(name!.split('/')[0]!);
      }
    };
    for (const entry of ['index.js', 'tasks/index.js', 'worker/index.js', 'worker/entry.js'])
      visit(join(ROOT, 'dist', entry));
    expect(seen.size).toBeGreaterThan(3);
    expect([...foreign]).toEqual([]);
  });
});

test('what is packed: the build, the pages and the papers; no page that README.md links to is missing', () => {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const listing = execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const paths = (JSON.parse(listing) as { files: { path: string }[] }[])[0]!.files.map(({ path }) => path);
  const papers = paths.filter((path) => !/^(dist|docs|schemas)\//.test(path));
  expect(papers.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'data/README.md', 'package.json']);
  for (const path of paths.filter((p) => p.startsWith('docs/'))) expect(path).toMatch(/\.(md|svg|png)$/);
  const links = [...text('README.md').matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link!);
  expect(links.length).toBeGreaterThan(10);
  for (const link of links) expect(paths).toContain(link);
  for (const path of paths.filter((p) => p.startsWith('dist/')))
    expect(path).toMatch(/\.(js|d\.ts)$|^dist\/licenses\.txt$/);
  expect(paths).toContain('dist/cli/main.js');
});

test('no code is generated from strings, except by the package ndarray for toNdarray', () => {
  const generating = (code: string) =>
    code.split('\n').flatMap((line) => (/\bnew Function\b|\beval\(/.test(line) ? line.trim().replace(/;$/, '') : []));
  const files = readdirSync(join(ROOT, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.js'))
    .flatMap((path) => {
      const lines = generating(text(`dist/${path}`));
      return lines.length > 0 ? [lines] : [];
    });
  expect(files).toEqual([generating(text('node_modules/ndarray/ndarray.js'))]);
});

test('package-lock.json names no registry, so that npm installs from the configured one', () => {
  const lock = JSON.parse(text('package-lock.json')) as {
    packages: Record<string, { resolved?: string; link?: boolean }>;
  };
  const resolved = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
  // Only a workspace is a link: to a folder of this repository.
  expect(resolved).toEqual([['node_modules/unspool-studio', { resolved: 'studio', link: true }]]);
  expect(Object.keys(lock.packages).length).toBeGreaterThan(100);
});

test('the Studio is a private workspace that uses the same versions of shared packages', () => {
  const studio = JSON.parse(text('studio/package.json')) as Manifest & { devDependencies: Record<string, string> };
  expect(manifest.workspaces).toEqual(['studio']);
  expect(studio.private).toBe(true);
  const own = manifest.devDependencies as Record<string, string>;
  const shared = Object.keys(studio.devDependencies).filter((name) => name in own);
  expect(shared).toEqual(['@observablehq/plot']);
  for (const name of shared) expect(`${name} ${studio.devDependencies[name]}`).toBe(`${name} ${own[name]}`);
});
