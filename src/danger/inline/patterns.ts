import type { CommentStart } from './tokens.js';

export type Language = 'python' | 'javascript' | 'perl' | 'ruby' | 'php' | 'lua' | 'awk' | 'other';

export const COMMENTS: Readonly<Record<Language, readonly CommentStart[]>> = {
  python: ['#'],
  javascript: ['//'],
  perl: ['#'],
  ruby: ['#'],
  php: ['#', '//'],
  lua: ['--'],
  awk: ['#'],
  other: ['#'],
};

/** Calls that start a program. In JavaScript `exec` alone is a method of regular expressions. */
export const SPAWN: Readonly<Record<Language, RegExp>> = {
  python:
    /\b(?:system|popen)\s*(?=\()|\b(?:asyncio\.create_subprocess_(?:shell|exec)|(?:subprocess|sp|commands)\.(?:run|call|Popen|check_call|check_output|getoutput|getstatusoutput))\s*(?=\()|\b(?:os\.(?:exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?)|pty\.spawn)\s*(?=\()/g,
  javascript:
    /\b(?:execSync|spawn|spawnSync|execFile|execFileSync|execa|execaSync|execaCommand|execaCommandSync|shelljs\.exec|Deno\.Command|Bun\.spawn(?:Sync)?)\s*(?=\()|(?<=child_process['"]?\)?\.|\bcp\.)exec\s*(?=\()/g,
  perl: /\b(?:system|exec|readpipe)\b\s*/g,
  ruby: /\b(?:system|exec|spawn|popen|capture[23]e?|popen[23]e?)\b\s*/g,
  php: /\b(?:system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec)\s*(?=\()/g,
  lua: /\b(?:os\.execute|io\.popen)\s*(?=\()/g,
  awk: /\bsystem\s*(?=\()/g,
  other: /\b(?:system2?|shell|run)\s*(?=\()/g,
};

export const REMOVE_TREE =
  /\b(?:rmtree|remove_tree|rm_rf|rm_r|remove_dir|remove_entry(?:_secure)?|rimraf(?:Sync|\.sync)?|emptyDir(?:Sync)?|removedirs|fse?\.remove(?:Sync)?)\b[!\s]*/g;
export const REMOVE =
  /\b(?:os\.remove|os\.unlink|os\.rmdir|unlink(?:Sync)?|rmSync|rmdirSync|fs\.rm|fs\.rmdir|promises\.rm|File\.delete|FileUtils\.rm_?f?|Deno\.remove(?:Sync)?|os\.remove)\b\s*(?=[("']|glob\b)/g;
/** Calls that list files. */
export const LIST =
  /\b(?:i?glob|rglob|walk|scandir|listdir|readdir(?:Sync)?|Dir\.(?:glob|entries|children|each_child)|opendir)\b\s*(?=[("'])/g;
/** Methods of a path in Python that list files. */
export const LISTED_PATH =
  /\bPath(?:\.home\(\)|\(\s*(["'])([^"'\n]{1,200})\1\s*\))(?:\.expanduser\(\))?\.(?:rglob|glob|iterdir|walk)\b/g;
export const READ =
  /\b(?:open|readFile(?:Sync)?|createReadStream|File\.read|IO\.read|File\.open|file_get_contents|fopen|readfile|io\.open|Bun\.file|Deno\.readTextFile(?:Sync)?|Path)\s*(?=\()/g;
export const WRITE =
  /\b(?:writeFile(?:Sync)?|appendFile(?:Sync)?|createWriteStream|File\.write|IO\.write|file_put_contents|Deno\.writeTextFile(?:Sync)?)\s*(?=\()/g;
export const SQL_CALL =
  /\b(?:execute(?:script|many)?|executeQuery|executeUpdate|query|raw|exec|\$executeRaw(?:Unsafe)?|\$queryRaw(?:Unsafe)?|read_sql|mysqli_query|pg_query|text)\s*(?=[(`])/g;
export const EVALUATE = /(?<![.\w])(?:exec|eval|Function|instance_eval|loadstring|load)\s*(?=\()/g;
export const RECURSIVE = /\brecursive\s*['"]?\s*[:=]+\s*(?:true|1)/i;

export const DECODES =
  /b64decode|base64|fromhex|unhexlify|atob\b|Buffer\.from|fromCharCode|\bchr\b|urlopen|requests\.(?:get|post)|urlretrieve|unpack|rot_?13|rot13|\[::-1\]|\.reverse\(|zlib|marshal|codecs\.|Net::HTTP|LWP|open-uri|fetch\(/;
export const CONNECTS =
  /\bsocket\b|TCPSocket|fsockopen|net\.(?:connect|Socket|createConnection)|use\s+Socket|IO::Socket/;
export const SENDS =
  /requests\.(?:post|put|get)|urlopen|http\.client|httpx|\bfetch\s*\(|axios|https?\.request|Net::HTTP|LWP|curl_exec/;
export const ENVIRONMENT =
  /(?:dict|str|dumps|stringify|repr|urlencode|json)\s*\(\s*(?:dict\(\s*)?(?:os\.environ|process\.env|ENV\b|\$_ENV|%ENV)/;
export const FORKS =
  /\bfork\b\s*(?:\(\))?\s*(?:while|until)\b|\bwhile\s*\(?\s*(?:1|true|fork\(?\)?)\s*\)?\s*[:{]?\s*(?:os\.|process\.)?fork|loop\s*(?:\{|do)\s*fork|fork\(\)\s*(?:while|or)/i;
