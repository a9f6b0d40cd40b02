/** How an LSTM is trained, in eleven chapters: words, a live figure, and the library's code. The chapter stands in the URL. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { facts, look, refresh } from '../state.js';
import { Tex } from '../ui/Tex.js';
import { CHAPTERS } from './chapters.js';
import { FIGURES } from './Figures.js';
import { SNIPPETS } from './snippets.js';
import './tour.css';

const fromHash = (): number => {
  const number = Number(location.hash.split('/')[1] ?? 1);
  return Number.isInteger(number) && number >= 1 && number <= CHAPTERS.length ? number - 1 : 0;
};

const chapter = signal(fromHash());
window.addEventListener('hashchange', () => {
  if (location.hash.startsWith('#tour')) chapter.value = fromHash();
});

const go = (to: number): void => {
  if (to >= 0 && to < CHAPTERS.length) location.hash = `#tour/${to + 1}`;
};

export default function Tour() {
  const at = chapter.value;
  const { title, text, equations, room } = CHAPTERS[at]!;
  const Drawn = FIGURES[at]!;
  const ready = facts.value !== null && look.value !== null;
  useEffect(() => {
    if (facts.peek() && !look.peek()) void refresh();
  }, [facts.value]);
  useEffect(() => {
    const keys = (event: KeyboardEvent): void => {
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
      if (event.key === 'ArrowRight') go(chapter.value + 1);
      if (event.key === 'ArrowLeft') go(chapter.value - 1);
    };
    addEventListener('keydown', keys);
    return () => removeEventListener('keydown', keys);
  }, []);
  return (
    <div class="tour">
      <nav class="chapters" aria-label="Chapters">
        <ol>
          {CHAPTERS.map((one, i) => (
            <li key={one.title}>
              <a href={`#tour/${i + 1}`} aria-current={i === at ? 'step' : undefined}>
                {one.title}
              </a>
            </li>
          ))}
        </ol>
      </nav>
      <article>
        <h2>
          {at + 1}. {title}
        </h2>
        <div class="told">
          {text.map((paragraph) => (
            <p key={paragraph}>{paragraph}</p>
          ))}
          {equations.map((line) => (
            <p key={line} class="equation">
              <Tex>{line}</Tex>
            </p>
          ))}
        </div>
        <section aria-label="Live figure" class="live">
          {ready ? <Drawn key={title} /> : <p class="waiting">A model is being set up…</p>}
        </section>
        <p class="hint">
          Of the model that is set up now. More of it in <a href={room.hash}>{room.says}</a>.
        </p>
        <h3>In code</h3>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, and the keyboard should be able to */}
        <pre class="code" tabIndex={0}>
          <code>{SNIPPETS[at]}</code>
        </pre>
        <p class="controls">
          <button type="button" onClick={() => void navigator.clipboard?.writeText(SNIPPETS[at]!)}>
            Copy
          </button>
          <button type="button" disabled={at === 0} onClick={() => go(at - 1)}>
            ← {CHAPTERS[at - 1]?.title ?? 'Back'}
          </button>
          <button type="button" class="main" disabled={at === CHAPTERS.length - 1} onClick={() => go(at + 1)}>
            {CHAPTERS[at + 1]?.title ?? 'The end'} →
          </button>
        </p>
      </article>
    </div>
  );
}
