/** Starts the Chromium of this machine. */
import type { Browser, LaunchOptions } from 'playwright-core';
import { CHROMIUM } from './machine.js';
import { loadNatively } from './native.js';

// 1.5 s for each test file that jest loads it for.
const { chromium } = loadNatively<typeof import('playwright-core')>('playwright-core');

export const launchChromium = (options: LaunchOptions = {}): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, ...options });
