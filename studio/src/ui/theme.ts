/** Light or dark, as the system has it until somebody chooses. */
import { effect, signal } from '@preact/signals';
import type { ColorScheme } from 'unspool/inspect';

const dark = matchMedia('(prefers-color-scheme: dark)');
const KEY = 'unspool-scheme';

const remembered = (): ColorScheme | null => {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'light' || kept === 'dark' ? kept : null;
  } catch {
    return null; // a page that may not store anything
  }
};

const chosen = signal<ColorScheme | null>(remembered());
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
    // Then it is forgotten with the page.
  }
}
