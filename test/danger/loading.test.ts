import { describe, expect, it } from 'vitest';
import { level } from './rate.js';

describe('a variable that loads code', () => {
  it.each([
    'LD_PRELOAD=/tmp/x.so',
    'LD_PRELOAD=./x.so',
    'LD_PRELOAD="$PWD/x.so"',
    'LD_PRELOAD=/usr/lib/libjemalloc.so:/tmp/x.so',
    'LD_PRELOAD="$(cat name)"',
    'LD_AUDIT=/tmp/x.so',
    'LD_LIBRARY_PATH=/tmp/x',
    'DYLD_INSERT_LIBRARIES=x.dylib',
    'GCONV_PATH=/tmp/x',
    'BASH_ENV=/tmp/x',
    'BASH_ENV=./x',
    'ENV=/tmp/x',
    'ENV=./x',
    'PYTHONSTARTUP=/tmp/x',
    'PYTHONPATH=/tmp/x',
    'PERL5LIB=/tmp/x',
    'PERL5OPT=-M/tmp/x',
    'PERL5DB=\'BEGIN{system("rm -rf /home")}\'',
    'RUBYOPT=-r/tmp/x',
    'RUBYLIB=/tmp/x',
    "NODE_OPTIONS='--require /tmp/x.js'",
    'NODE_OPTIONS=--import=/tmp/x.mjs',
    'NODE_OPTIONS=--import=data:text/javascript,x',
    'NODE_PATH=/dev/shm/x',
    'JAVA_TOOL_OPTIONS=-javaagent:/tmp/x.jar',
    '_JAVA_OPTIONS=-agentpath:/tmp/x.so',
    'LUA_INIT=\'os.execute("rm -rf /home")\'',
    "VIMINIT=':!rm -rf /home'",
    'GIT_EXEC_PATH=/tmp/x',
    'GIT_TEMPLATE_DIR=/tmp/x',
    'OPENSSL_CONF=/tmp/x',
    'DOTNET_STARTUP_HOOKS=/tmp/x.dll',
    "PSQL_PAGER='rm -rf /home'",
    "AWS_PAGER='rm -rf /home'",
    "SUDO_ASKPASS='rm -rf /home'",
    "GH_EDITOR='rm -rf /home'",
    "RUSTC_WRAPPER='rm -rf /home'",
    "GOFLAGS='-toolexec=rm -rf /home'",
    "FZF_DEFAULT_COMMAND='rm -rf /home'",
    "npm_config_script_shell='rm -rf /home'",
    'TAR_OPTIONS=\'--checkpoint=1 --checkpoint-action=exec="rm -rf /home"\'',
  ])('a variable that loads foreign code is critical wherever it is set: %s', (assignment) => {
    expect(level(`${assignment} ls`)).toBe('critical');
    expect(level(`export ${assignment}; ls`)).toBe('critical');
    expect(level(`env ${assignment} ls`)).toBe('critical');
    expect(level(`env - A=b ${assignment} ls`)).toBe('critical');
    expect(level(`sudo ${assignment} ls`)).toBe('critical');
    expect(level(`timeout 5 sh -c '${assignment.replaceAll("'", "'\\''")} ls'`)).toBe('critical');
  });

  it.each([
    'LD_PRELOAD=',
    'LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2',
    'LD_PRELOAD=libasan.so.6',
    'LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
    'LD_LIBRARY_PATH=./lib:/usr/local/lib',
    'LD_LIBRARY_PATH="$PWD/build:$LD_LIBRARY_PATH"',
    'BASH_ENV=',
    'ENV=production',
    'ENV=dev',
    'NODE_OPTIONS=--max-old-space-size=4096',
    "NODE_OPTIONS='--import tsx'",
    "NODE_OPTIONS='-r ./instrument.js'",
    "NODE_OPTIONS='--experimental-vm-modules --no-warnings'",
    'PERL5OPT=-Mstrict',
    'RUBYOPT=-W0',
    'RUBYOPT=-rbundler/setup',
    'PYTHONPATH=.',
    'PYTHONPATH=src:tests',
    "JAVA_TOOL_OPTIONS='-Xmx2g -javaagent:/opt/otel.jar'",
    'GIT_EXEC_PATH=/usr/lib/git-core',
    'GIT_TEMPLATE_DIR=/usr/share/git-core/templates',
    'OPENSSL_CONF=/dev/null',
    'OPENSSL_CONF=/etc/ssl/openssl.cnf',
    'AWS_PAGER=',
    'PAGER=cat',
    'GIT_EDITOR=true',
    'RUSTC_WRAPPER=sccache',
    'GOFLAGS=-mod=mod',
    'PATH="$PWD/node_modules/.bin:$PATH"',
  ])('a usual value of such a variable is not critical: %s', (assignment) => {
    expect(level(`${assignment} ls`)).not.toBe('critical');
    expect(level(`env ${assignment} ls`)).not.toBe('critical');
  });
});
