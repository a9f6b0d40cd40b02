/**
 * playwright-core, loaded by Node instead of jest: jest evaluates a module again for each test file, which takes 1.5 s for this one.
 */
import { join } from 'node:path';
import type { Browser, LaunchOptions } from 'playwright-core';
import { CHROMIUM } from './machine.js';

const { createRequire } = process.getBuiltinModule('node:module');
const { chromium } = createRequire(join(__dirname, 'chromium.ts'))(
  'playwright-core',
) as typeof import('playwright-core');

/** Starts the Chromium of this machine. */
export const launchChromium = (options: LaunchOptions = {}): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, ...options });
