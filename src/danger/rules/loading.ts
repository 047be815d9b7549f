import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import { isWithin, resolvePath } from '../shell/path.js';
import { isBlank } from '../shell/value.js';
import { type Rules, reporting } from './rule.js';

/** Variables by which programs load code. */
export const loadingRules = {
  'code.loaded': {
    level: 'critical',
    about: 'sets a variable by which other programs load code that does not belong to them',
    matches: [
      'LD_PRELOAD=./hook.so ls',
      'export BASH_ENV=./setup.sh',
      'PYTHONPATH=/tmp/x python3 app.py',
      'NODE_OPTIONS="--require /tmp/x.js" npm test',
    ],
    spares: [
      'LD_PRELOAD=libjemalloc.so.2 node app.js',
      'PYTHONPATH=src pytest',
      'NODE_OPTIONS=--max-old-space-size=4096 npm test',
    ],
  },
} as const satisfies Rules;

const { critical } = reporting<typeof loadingRules>();

/** Variables that name files or folders. Many programs load the code that is in them. */
const EVERY_PROGRAM =
  /^(?:LD_PRELOAD(?:_\d\d)?|LD_AUDIT|DYLD_INSERT_LIBRARIES|DYLD_FORCE_\w+|GCONV_PATH|BASH_ENV|PYTHONSTARTUP|GIT_EXEC_PATH|GIT_TEMPLATE_DIR|DOTNET_STARTUP_HOOKS|CORECLR_PROFILER_PATH|COR_PROFILER_PATH|OPENSSL_(?:CONF|MODULES|ENGINES)|GTK_MODULES|GTK_PATH|GIO_EXTRA_MODULES|QT_PLUGIN_PATH|R_PROFILE(?:_USER)?|R_ENVIRON(?:_USER)?|ZDOTDIR)$/;
/** Variables with folders where programs look for code. Folders of the workspace are usual there. */
const SEARCHED =
  /^(?:LD_LIBRARY_PATH|DYLD_(?:FALLBACK_)?(?:LIBRARY|FRAMEWORK)_PATH|PERL5LIB|PERLLIB|RUBYLIB|PYTHONPATH|PYTHONHOME|PYTHONUSERBASE|NODE_PATH|LUA_C?PATH|PHPRC|PHP_INI_SCAN_DIR|CLASSPATH|GUILE_LOAD_PATH|JULIA_LOAD_PATH|TCLLIBPATH|GEM_PATH)$/;
/** Variables with options of an interpreter. Some of these options load code. */
const OPTIONS =
  /^(?:NODE_OPTIONS|npm_config_node_options|PERL5OPT|RUBYOPT|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|JAVA_OPTS|MAVEN_OPTS|GRADLE_OPTS|SBT_OPTS)$/i;
const LOADING_OPTION =
  /(?:^|\s)(?:(?:--require|--import|--loader|--experimental-loader|-r)[\s=]*|-javaagent:|-agentpath:|-Xbootclasspath\S*?:|-I\s*|-[mM][\w:]*=?)(\S+)/g;

/** Libraries that people preload for other purposes: memory allocation, finding faults, a fake clock. */
const USUAL_LIBRARY =
  /\/?lib(?:jemalloc|tcmalloc\w*|mimalloc|[atl]san|ubsan|clang_rt\.\w+|faketime\w*|eatmydata|stdbuf|SegFault|gomp|stdc\+\+|gcc_s|fakeroot\w*|nss_wrapper|proxychains\w*|snappy|hugetlbfs|pthread|dl)[\w.+-]*$/;

/** Rates a variable by which a harmless program may load foreign code. */
export function rateLoading(name: string, value: string, cwd: string, places: Places): Danger | undefined {
  if (value === '') return undefined;
  if (name === 'ENV') return /^[./~]/.test(value) ? loads(name) : undefined;
  if (EVERY_PROGRAM.test(name)) {
    return value.split(/[:;\s]+/).every((part) => part === '' || isUsual(part, cwd)) ? undefined : loads(name);
  }
  if (SEARCHED.test(name)) {
    return value.split(':').some((part) => part !== '' && isStrange(part, cwd, places)) ? loads(name) : undefined;
  }
  if (!OPTIONS.test(name)) return undefined;
  for (const [, file = ''] of value.matchAll(LOADING_OPTION)) {
    if (/^["']?data:/.test(file) || (/[/\\]/.test(file) && isStrange(file.replace(/^file:\/\//, ''), cwd, places)))
      return loads(name);
  }
  return undefined;
}

/** Whether a library belongs to the system, and is one that people preload. */
function isUsual(part: string, cwd: string): boolean {
  if (part === '/dev/null') return true;
  if (isBlank(part)) return false;
  const path = part.includes('/') ? resolvePath(part, cwd) : `/usr/lib/${part}`;
  const isSystem = ['/usr', '/lib', '/lib64', '/opt', '/System', '/etc/ssl'].some((folder) => isWithin(path, folder));
  return isSystem && (USUAL_LIBRARY.test(path) || !/\.(?:so|dylib)(?:\.|$)|^[^/]*$/.test(path));
}

/** Whether a file is in a folder into which anybody can write. */
function isStrange(part: string, cwd: string, places: Places): boolean {
  if (isBlank(part)) return false;
  const path = resolvePath(part.replace(/^~/, places.home), cwd);
  return ['/tmp', '/var/tmp', '/dev/shm'].some((folder) => isWithin(path, folder) && !places.isInWorkspace(path));
}

function loads(name: string): Danger {
  return critical('code.loaded', `Sets ${name}, so that programs load foreign code; run that code by itself.`);
}
