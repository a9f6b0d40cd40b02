/** A text or table of one's own: pasted, dropped, or chosen. */
import { useEffect, useState } from 'preact/hooks';
import { problem, useOwn } from '../state.js';
import { readFile, readText } from './read.js';

async function take(read: () => ReturnType<typeof readFile>): Promise<void> {
  try {
    await useOwn(await read());
  } catch (error) {
    problem.value = error instanceof Error ? error.message : String(error);
  }
}

export function Data() {
  const [over, setOver] = useState(false);
  const [pasted, setPasted] = useState('');
  // Anywhere on the page: who misses the field by a little should not lose the page to the file.
  useEffect(() => {
    const hold = (event: DragEvent): void => {
      event.preventDefault();
      setOver(event.type === 'dragover');
      const file = event.type === 'drop' ? event.dataTransfer?.files[0] : undefined;
      if (file && !file.name.endsWith('.safetensors')) void take(() => readFile(file));
    };
    for (const kind of ['dragover', 'dragleave', 'drop'] as const) addEventListener(kind, hold);
    return () => {
      for (const kind of ['dragover', 'dragleave', 'drop'] as const) removeEventListener(kind, hold);
    };
  }, []);
  return (
    <details class={`own ${over ? 'over' : ''}`} open={over || undefined}>
      <summary>A text or table of your own</summary>
      <p>
        Drop a file anywhere on this page, or{' '}
        <label class="link">
          choose one
          <input
            type="file"
            class="hidden"
            accept=".txt,.csv,text/*"
            onChange={(event) => {
              const file = event.currentTarget.files?.[0];
              if (file) void take(() => readFile(file));
              event.currentTarget.value = '';
            }}
          />
        </label>
        : plain text, or a CSV table with a header, whose last column of numbers is forecast. It stays in this page.
      </p>
      <label for="pasted">Or paste a text</label>
      <textarea id="pasted" rows={3} value={pasted} onInput={(event) => setPasted(event.currentTarget.value)} />
      <button type="button" onClick={() => void take(() => readText(pasted, 'The pasted text'))}>
        Use it
      </button>
    </details>
  );
}
