/** Starts the Chromium of this machine. */
import type { Browser, BrowserContext, LaunchOptions } from 'playwright-core';
import { CHROMIUM } from './machine.js';
import { loadNatively } from './native.js';

// 1.5 s for each test file that jest loads it for.
const { chromium } = loadNatively<typeof import('playwright-core')>('playwright-core');

export const launchChromium = (options: LaunchOptions = {}): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, ...options });

/** With a profile in a folder, as extensions need it. */
export const launchWithProfile = (folder: string, options: LaunchOptions = {}): Promise<BrowserContext> =>
  chromium.launchPersistentContext(folder, { executablePath: CHROMIUM, ...options });
