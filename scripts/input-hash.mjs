/** Whether what a script generates is up to date. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, path, name }) => join(parentPath ?? path, name));

/** A hash of the files in folders, except generated ones, of scripts, and of the versions of packages. */
export function inputHash({ folders, scripts, packages }) {
  const sources = folders.flatMap(filesIn).filter((file) => !file.includes('generated'));
  const versions = packages.map((name) => `node_modules/${name}/package.json`);
  const hash = createHash('sha256');
  for (const file of [...sources, ...scripts, ...versions].sort()) hash.update(file).update(readFileSync(file));
  return hash.digest('hex');
}
