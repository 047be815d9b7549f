import type { Tokens } from './tokens.js';

/** Functions that decode something unreadable into text. */
const DECODING =
  /\b(?:[ab](?:16|32|64|85)decode|(?:standard|urlsafe)_b64decode|decodebytes|decodestring|fromhex|unhexlify|a2b_\w+|atob|Buffer\.from|Buffer\s*\(|fromCharCode|fromCodePoint|chr|urlopen|urlretrieve|requests\.(?:get|post)|unpack1?|pack|codecs\.\w+|decode64|urlsafe_decode64|strict_decode64|decode_base64|decode_qp|hex2bin|str_rot13|gzinflate|gzuncompress|gzdecode|convert_uudecode|base64_decode|unescape|decodeURI(?:Component)?|TextDecoder|string\.char|inflate\w*|gunzip\w*|brotliDecompress\w*|decompress|bytes\s*\(\s*\[|bytearray|from_bytes|to_bytes|marshal|maketrans|mapconcat|file_get_contents|Net::HTTP|LWP|open-uri)\b|\bfetch\s*\(|\[::-1\]|\.reverse\b|\.translate\s*\(/;
/** Arguments that make a method decode. The method does other things as well. */
const DECODING_METHOD = /\.decode\(\s*['"](?:hex|base64|rot|zlib|bz2|uu)|,\s*['"](?:hex|base64)['"]\s*\)/;

/** Calls that run a text as code. */
export const RUNS_TEXT =
  /(?<![\w])(?:eval|exec|compile|execfile|Function|instance_eval|class_eval|module_eval|loadstring|load|dofile|create_function|setTimeout|setInterval|setImmediate|_compile|runIn\w*Context|runInThisContext|(?:c?[pP]ickle|marshal|dill|cloudpickle)\.loads|run_path|exec_module|import_module|system|popen|execSync|spawnSync|shell_exec|passthru|qx|\w+\.(?:run|call|Popen|check_call|check_output|getoutput|spawn\w*|exec\w*))\b\s*/g;

/** Whether a piece of code decodes something, or names a variable that holds what was decoded. */
export function decodes(source: string, strings: string, tainted: ReadonlySet<string>): boolean {
  if (DECODING.test(source) || DECODING_METHOD.test(strings)) return true;
  if (tainted.size === 0) return false;
  return (source.match(/[A-Za-z_]\w*/g) ?? []).some((name) => tainted.has(name));
}

const MAX_ASSIGNMENTS = 400;

/** Variables that hold decoded text, or text that was made of it. */
export function decodedVariables({ bare, code }: Tokens): ReadonlySet<string> {
  const tainted = new Set<string>();
  if (!DECODING.test(bare) && !DECODING_METHOD.test(code)) return tainted;
  const assignments = [...bare.matchAll(/(?<![\w.])[$@]?([A-Za-z_]\w*)\s*[.+]?=(?![=>])\s*([^;\n]{0,2000})/g)].slice(
    0,
    MAX_ASSIGNMENTS,
  );
  for (let round = 0; round < 3; round++) {
    for (const match of assignments) {
      const [whole, name = '', value = ''] = match;
      const end = match.index + whole.length;
      if (decodes(value, code.slice(end - value.length, end), tainted)) tainted.add(name);
    }
  }
  return tainted;
}
