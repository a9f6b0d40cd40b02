/** The page: its header, its error message, and one of four views. Views other than the first are loaded when they are opened. */
import { lazy, Suspense } from 'preact/compat';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { start } from './actions.js';
import { problem, session, VIEWS, type View, view } from './state.js';
import { Train } from './train/Train.js';
import { ErrorBanner } from './ui/ErrorBanner.js';
import { scheme, toggleScheme } from './ui/theme.js';

/** Pixels between the header and what is scrolled into view. */
const SCROLL_GAP = 12;

const Unroll = lazy(() => import('./unroll/Unroll.js'));
const Inspect = lazy(() => import('./inspect/Inspect.js'));
const Tour = lazy(() => import('./tour/Tour.js'));

const TITLES: Readonly<Record<View, string>> = {
  train: 'Set up & train',
  unroll: 'Unroll',
  inspect: 'Inspect',
  tour: 'Tour',
};

/** The page's header stays visible while the page scrolls. Whatever is scrolled into view must stop below it. */
function useScrollPadding() {
  const header = useRef<HTMLElement>(null);
  useEffect(() => {
    const { style } = document.documentElement;
    const observer = new ResizeObserver(([entry]) => {
      style.scrollPaddingTop = `${Math.ceil(entry!.borderBoxSize[0]!.blockSize) + SCROLL_GAP}px`;
    });
    observer.observe(header.current!);
    return () => observer.disconnect();
  }, []);
  return header;
}

const canRun = typeof WebAssembly === 'object' && typeof Worker === 'function';

export function App() {
  useEffect(() => {
    if (canRun) void start();
    else
      problem.value =
        'The Studio needs WebAssembly and web workers, which are not available. Use a current browser, or enable both for this page.';
  }, []);
  const header = useScrollPadding();
  useLayoutEffect(() => scrollTo(0, 0), [view.value]);
  return (
    <>
      <header class="top" ref={header}>
        <a class="name" href="#train">
          Unspool <span>Studio</span>
        </a>
        <nav aria-label="Views">
          {VIEWS.map((name) => (
            <a key={name} href={`#${name}`} aria-current={view.value === name ? 'page' : undefined}>
              {TITLES[name]}
            </a>
          ))}
        </nav>
        <button type="button" class="quiet" onClick={toggleScheme}>
          {scheme.value === 'dark' ? 'Light mode' : 'Dark mode'}
        </button>
      </header>
      <ErrorBanner />
      <main>
        <h1 class="hidden">{TITLES[view.value]}</h1>
        <Suspense fallback={<p class="waiting">…</p>}>
          {view.value === 'train' && <Train />}
          {view.value === 'unroll' && session.value && <Unroll />}
          {view.value === 'inspect' && session.value && <Inspect />}
          {view.value === 'tour' && <Tour />}
        </Suspense>
      </main>
    </>
  );
}
