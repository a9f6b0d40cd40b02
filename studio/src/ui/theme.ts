/** The color scheme, light or dark: the user's choice, or the system's. */
import { effect, signal } from '@preact/signals';
import type { ColorScheme } from 'unspool/inspect';

const dark = matchMedia('(prefers-color-scheme: dark)');
const KEY = 'unspool-scheme';

const storedScheme = (): ColorScheme | null => {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === 'light' || stored === 'dark' ? stored : null;
  } catch {
    return null; // storage is disabled
  }
};

const chosen = signal<ColorScheme | null>(storedScheme());
const system = signal<ColorScheme>(dark.matches ? 'dark' : 'light');
dark.addEventListener('change', () => {
  system.value = dark.matches ? 'dark' : 'light';
});

export const scheme = signal<ColorScheme>(chosen.value ?? system.value);
effect(() => {
  scheme.value = chosen.value ?? system.value;
  document.documentElement.dataset.scheme = scheme.value;
});

export function toggleScheme(): void {
  chosen.value = scheme.value === 'dark' ? 'light' : 'dark';
  try {
    localStorage.setItem(KEY, chosen.value);
  } catch {
    // Storage is disabled: the choice lasts until the page is closed.
  }
}
