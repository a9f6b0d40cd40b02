/** What a file that is not a model file contains, by its first bytes, and how to get a model file from it. */

/** The formats of other programs that `importModel` distinguishes. */
export type FormatName = 'safetensors' | 'pytorch' | 'pickle' | 'onnx' | 'hdf5' | 'keras' | 'tfjs' | 'npz' | 'json';

/** The content of a file of another format. */
export interface Content {
  /** The format of a model of another program. */
  readonly format?: FormatName;
  /** With an article: `a PNG image`. */
  readonly what: string;
  readonly help: string;
}

const OTHER_FILE = 'Give a model file: a .safetensors file that Unspool saved.';
const UNPACK = 'Unpack it first, then give the .safetensors file in it.';
const AFTER = 'Then create the model from its spec, and set its parameters from readSafetensors().';
const IMPORT = 'Import it: `unspool import FILE`, or importModel() of unspool/interop.';
const PICKLE: Content = {
  format: 'pickle',
  what: 'a Python pickle, as PyTorch before 1.6 wrote it (.pt, .pth, .bin)',
  help: 'Save it again in Python: `torch.save(torch.load(path), "weights.pt")`. Then run `unspool import weights.pt`.',
};
const TENSORFLOW = 'Save the Keras model that it was made from with model.save("model.keras"), and import that.';

/** The first bytes, as Latin-1 text, and what they mean. */
const BEGINNINGS: readonly (readonly [beginning: string, content: Content])[] = [
  ['\x89HDF\r\n\x1a\n', { format: 'hdf5', what: 'an HDF5 file, such as a Keras model (.h5)', help: IMPORT }],
  ['\x1f\x8b', { what: 'a gzip archive', help: 'Unpack it first: `gunzip` or `tar xzf`.' }],
  ['BZh', { what: 'a bzip2 archive', help: UNPACK }],
  ['\xfd7zXZ\0', { what: 'an xz archive', help: UNPACK }],
  ['\x28\xb5\x2f\xfd', { what: 'a Zstandard archive', help: UNPACK }],
  ['7z\xbc\xaf\x27\x1c', { what: 'a 7-Zip archive', help: UNPACK }],
  ['Rar!\x1a\x07', { what: 'a RAR archive', help: UNPACK }],
  ['\x89PNG\r\n\x1a\n', { what: 'a PNG image', help: OTHER_FILE }],
  ['\xff\xd8\xff', { what: 'a JPEG image', help: OTHER_FILE }],
  ['GIF8', { what: 'a GIF image', help: OTHER_FILE }],
  ['%PDF', { what: 'a PDF document', help: OTHER_FILE }],
  ['\x93NUMPY', { what: 'a NumPy array (.npy)', help: `Save it with safetensors.numpy.save_file. ${AFTER}` }],
  ['GGUF', { what: 'a GGUF model of llama.cpp', help: 'Its architecture is not an LSTM, so it cannot be converted.' }],
  ['\0asm', { what: 'a WebAssembly module', help: OTHER_FILE }],
  ['\x7fELF', { what: 'a program', help: OTHER_FILE }],
  ['MZ', { what: 'a program for Windows', help: OTHER_FILE }],
  ['SQLite format 3\0', { what: 'an SQLite database', help: OTHER_FILE }],
  [
    'version https://git-lfs.github.com/spec/',
    { what: 'a Git LFS pointer, not the file itself', help: 'Run `git lfs pull`, or download the file from its page.' },
  ],
];

const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

/** A zip file by the names of its members, which are in its first and last bytes. */
function zipContent(begin: string, bytes: Uint8Array): Content {
  const names = begin + latin1(bytes.subarray(-65_536));
  if (names.includes('/data.pkl'))
    return { format: 'pytorch', what: 'a PyTorch file (.pt, .pth), a zip archive', help: IMPORT };
  if (names.includes('model.weights.h5'))
    return { format: 'keras', what: 'a Keras model (.keras), a zip archive', help: IMPORT };
  if (names.includes('.npy')) {
    return { format: 'npz', what: 'NumPy arrays (.npz)', help: `Save them with safetensors.numpy.save_file. ${AFTER}` };
  }
  return { what: 'a zip archive', help: UNPACK };
}

/** Protocol buffers do not say what they are. ONNX begins with its version (field 1), then another field of the model. */
function protobufContent([first, version = 0, next = 0]: Uint8Array): Content | null {
  if (first !== 8) return null;
  const [field, type] = [next >> 3, next & 7];
  if (version >= 3 && version < 32 && field >= 2 && field <= 8 && (type === 2 || field === 5)) {
    return { format: 'onnx', what: 'an ONNX model', help: IMPORT };
  }
  return version === 1 && next === 0x12 ? { what: 'a TensorFlow SavedModel (.pb)', help: TENSORFLOW } : null;
}

/** A file of text: a page, JSON, or plain text. */
function textContent(bytes: Uint8Array): Content | null {
  const start = bytes.subarray(0, 4096);
  if (start.includes(0)) return null;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array(start), {
      stream: start.length < bytes.length,
    });
  } catch {
    return null;
  }
  const word = text.trimStart().slice(0, 1024);
  if (word.startsWith('<') && /<(!doctype html|html|head|body)\b/i.test(word)) {
    return {
      what: 'a web page (HTML), probably an error page instead of a download',
      help: 'Open the address in a browser, and download the file itself.',
    };
  }
  if (word.startsWith('<')) return { what: 'XML text', help: OTHER_FILE };
  const isManifest = /^\[\s*\{\s*"(paths|weights)"\s*:/.test(word);
  if (isManifest || (word.startsWith('{') && /"(modelTopology|weightsManifest)"\s*:/.test(word))) {
    return { format: 'tfjs', what: 'a TensorFlow.js model (model.json)', help: IMPORT };
  }
  if (word.startsWith('{"format":"unspool-json"')) {
    return { format: 'json', what: 'a model that Unspool exported as JSON', help: IMPORT };
  }
  if (/^[{[]/.test(word))
    return { what: 'JSON text', help: `${OTHER_FILE} If it is a spec, pass it to createModel().` };
  return { what: 'plain text', help: OTHER_FILE };
}

/** Whether the bytes begin as a safetensors file: with the length of a header, below 4 GB, and the header. */
export const beginsAsModel = (bytes: Uint8Array): boolean =>
  bytes[8] === 0x7b && bytes.subarray(4, 8).every((b) => b === 0);

/** What the bytes are; null if they are not recognized, or may be a damaged model file. */
export function contentOf(bytes: Uint8Array): Content | null {
  if (bytes.length === 0) return { what: 'empty', help: 'Download or save it again.' };
  if (beginsAsModel(bytes)) return null;
  const begin = latin1(bytes.subarray(0, 1024));
  for (const [beginning, content] of BEGINNINGS) if (begin.startsWith(beginning)) return content;
  if (begin.startsWith('PK\x03\x04') || begin.startsWith('PK\x05\x06')) return zipContent(begin, bytes);
  if (bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5) return PICKLE;
  if (begin.startsWith('TFL3', 4)) {
    return {
      what: 'a TensorFlow Lite model (.tflite)',
      help: TENSORFLOW,
    };
  }
  if (begin.startsWith('ustar', 257)) return { what: 'a tar archive', help: UNPACK };
  if (begin.startsWith('\xff\xfe') || begin.startsWith('\xfe\xff')) return { what: 'text in UTF-16', help: OTHER_FILE };
  return protobufContent(bytes) ?? textContent(bytes);
}
