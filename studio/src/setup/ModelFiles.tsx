/** Models to and from the command line. */
import { useEffect } from 'preact/hooks';
import { facts, open, save } from '../state.js';
import { saveFile } from '../ui/files.js';

async function openFile(file: File): Promise<void> {
  await open(new Uint8Array(await file.arrayBuffer()), file.name);
}

export function ModelFiles() {
  useEffect(() => {
    const drop = (event: DragEvent): void => {
      const file = event.dataTransfer?.files[0];
      if (file?.name.endsWith('.safetensors')) void openFile(file);
    };
    addEventListener('drop', drop);
    return () => removeEventListener('drop', drop);
  }, []);
  return (
    <p class="files">
      <button
        type="button"
        disabled={!facts.value}
        onClick={async () => {
          const bytes = await save();
          if (bytes) saveFile(bytes as BlobPart, 'application/octet-stream', 'model.safetensors');
        }}
      >
        Save the model
      </button>{' '}
      <label class="button">
        Open a model
        <input
          type="file"
          class="hidden"
          accept=".safetensors"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void openFile(file);
            event.currentTarget.value = '';
          }}
        />
      </label>{' '}
      <span class="hint">
        The files of <code>npx unspool train</code>.
      </span>
    </p>
  );
}
