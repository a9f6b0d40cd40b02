/** The page: what one is in, what went wrong, and one of four rooms. Rooms that draw more are loaded when they are entered. */
import { lazy, Suspense } from 'preact/compat';
import { useEffect } from 'preact/hooks';
import { facts, problem, start, type Tab, tab } from './state.js';
import { Train } from './train/Train.js';
import { Trouble } from './ui/Trouble.js';
import { scheme, toggleScheme } from './ui/theme.js';

const Unroll = lazy(() => import('./unroll/Unroll.js'));
const Look = lazy(() => import('./look/Look.js'));
const Tour = lazy(() => import('./tour/Tour.js'));

const NAMES: Readonly<Record<Tab, string>> = {
  train: 'Set up & train',
  unroll: 'Unroll',
  look: 'Look',
  tour: 'Tour',
};

const canRun = typeof WebAssembly === 'object' && typeof Worker === 'function';

export function App() {
  useEffect(() => {
    if (canRun) void start();
    else
      problem.value =
        'This browser has no WebAssembly or no workers, and the Studio trains with both. Use a browser of the last few years, or allow them for this page.';
  }, []);
  return (
    <>
      <header class="top">
        <a class="name" href="#train">
          Unspool <span>Studio</span>
        </a>
        <nav aria-label="Rooms">
          {(Object.keys(NAMES) as Tab[]).map((name) => (
            <a key={name} href={`#${name}`} aria-current={tab.value === name ? 'page' : undefined}>
              {NAMES[name]}
            </a>
          ))}
        </nav>
        <button type="button" class="quiet" onClick={toggleScheme}>
          {scheme.value === 'dark' ? 'Light' : 'Dark'}
        </button>
      </header>
      <Trouble />
      <main id="room">
        <h1 class="hidden">{NAMES[tab.value]}</h1>
        <Suspense fallback={<p class="waiting">…</p>}>
          {tab.value === 'train' && <Train />}
          {tab.value === 'unroll' && facts.value && <Unroll />}
          {tab.value === 'look' && facts.value && <Look />}
          {tab.value === 'tour' && <Tour />}
        </Suspense>
      </main>
    </>
  );
}
