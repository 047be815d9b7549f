// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is shell code
import { describe, expect, it } from 'vitest';
import { level } from './rate.js';

const DANGEROUS = [
  'python3 -c "import os,base64; os.system(base64.b64decode(\'cm0gLXJmIC8=\').decode())"',
  'python3 -c "import os,base64; c=base64.b64decode(\'cm0gLXJmIC8=\'); os.system(c.decode())"',
  'python3 -c "from base64 import b64decode as d; import subprocess; subprocess.run(d(\'x\'), shell=True)"',
  'python3 -c "import os; os.system(bytes.fromhex(\'726d202d7266202f\').decode())"',
  'python3 -c "import os; x=bytes.fromhex(\'72\'); y=x.decode(); os.popen(y)"',
  "python3 -c \"import os,codecs; os.system(codecs.decode('ez -es /','rot13'))\"",
  'python3 -c "import os,binascii; os.system(binascii.unhexlify(\'72\').decode())"',
  'python3 -c "import os; os.system(\'\'.join(map(chr,[114,109])))"',
  'python3 -c "import os; os.system(\'\'.join(chr(c) for c in [114,109]))"',
  'python3 -c "import os; os.system(bytes([114,109]).decode())"',
  'python3 -c "import os; os.system(\'/ fr- mr\'[::-1])"',
  'python3 -c "import os,zlib,base64; os.system(zlib.decompress(base64.b64decode(\'x\')).decode())"',
  "python3 -c \"__import__('os').system(__import__('base64').b64decode('x').decode())\"",
  "python3 -c \"exec(__import__('base64').b64decode('x'))\"",
  'python3 -c "import pickle,base64; pickle.loads(base64.b64decode(\'x\'))"',
  'python3 -c "import base64,subprocess as s; s.call(base64.b85decode(\'x\').decode().split())"',
  'python3 <<\'EOF\'\nimport base64, subprocess\nraw = base64.b64decode("cm0gLXJmIC8=")\ncmd = raw.decode()\nsubprocess.run(cmd, shell=True)\nEOF',
  "node -e \"require('child_process').execSync(Buffer.from('cm0gLXJmIC8=','base64').toString())\"",
  "node -e \"const c=Buffer.from('cm0=','base64').toString(); require('child_process').exec(c)\"",
  "node -e \"require('child_process').execSync(atob('cm0gLXJmIC8='))\"",
  'node -e "const {execSync}=require(\'child_process\'); execSync(String.fromCharCode(114,109))"',
  "node -e \"eval(Buffer.from('x','hex').toString())\"",
  'node -e "new Function(atob(\'x\'))()"',
  "node -e \"require('vm').runInNewContext(atob('x'))\"",
  'node -e "setTimeout(atob(\'x\'))"',
  "node -e \"const a=unescape('%72%6d'); require('child_process').execSync(a)\"",
  "node -e \"require('child_process').execSync('/ fr- mr'.split('').reverse().join(''))\"",
  "bun -e \"Bun.spawnSync(Buffer.from('x','base64').toString().split(' '))\"",
  'perl -e \'system(pack("H*","726d202d7266202f"))\'',
  'perl -e \'system pack("H*","726d")\'',
  'perl -MMIME::Base64 -e \'system(decode_base64("cm0gLXJmIC8="))\'',
  'perl -MMIME::Base64 -e \'my $c = decode_base64("cm0="); system($c)\'',
  "perl -e 'eval unpack u=>q{_x}'",
  'perl -e \'exec(join("",map{chr}(114,109)))\'',
  'ruby -e \'system(["cm0gLXJmIC8="].pack("m"))\'',
  'ruby -e \'system ["726d"].pack("H*")\'',
  'ruby -e \'eval(["x"].pack("H*"))\'',
  'ruby -rbase64 -e \'system(Base64.decode64("cm0="))\'',
  'ruby -rbase64 -e \'c = Base64.decode64("cm0="); exec c\'',
  'ruby -e \'system("cm0gLXJmIC8=".unpack1("m"))\'',
  'php -r \'system(base64_decode("cm0gLXJmIC8="));\'',
  'php -r \'$c = hex2bin("726d"); shell_exec($c);\'',
  'php -r \'eval(gzinflate(base64_decode("x")));\'',
  'php -r \'passthru(str_rot13("ez -es /"));\'',
  "lua -e 'os.execute(string.char(114,109))'",
  "lua -e 'load(string.char(114,109))()'",
  'bash -c "python3 -c \\"import os,base64; os.system(base64.b64decode(\'x\').decode())\\""',
  'echo "import os,base64; os.system(base64.b64decode(\'x\').decode())" | python3',
];

const HARMLESS = [
  'python3 -c "import base64; print(base64.b64decode(\'aGk=\'))"',
  'python3 -c "print(bytes.fromhex(\'6869\').decode())"',
  "python3 -c \"import subprocess; print(subprocess.check_output(['git','log']).decode())\"",
  "python3 -c \"import subprocess,base64; out=subprocess.check_output(['cat','a']); print(base64.b64encode(out))\"",
  "python3 -c \"import subprocess,base64; x=base64.b64decode('aGk='); print(x); subprocess.run(['ls'])\"",
  "python3 -c \"import codecs; print(codecs.decode('uryyb','rot13'))\"",
  'python3 -c "import re; p=re.compile(\'a\'); print(chr(65))"',
  "node -e \"console.log(Buffer.from('aGk=','base64').toString())\"",
  'node -e "console.log(atob(\'aGk=\'))"',
  "node -e \"const {execSync}=require('child_process'); console.log(execSync('git log').toString())\"",
  "node -e \"const a=[1,2].reverse(); require('child_process').execSync('ls')\"",
  "node -e \"require('child_process').execSync('base64 a.txt')\"",
  'node -e "setTimeout(() => console.log(\'x\'), 10)"',
  'perl -e \'print pack("H*","6869")\'',
  'ruby -e \'puts ["aGk="].pack("m")\'',
  'ruby -e \'puts "abc".reverse; system("ls")\'',
  'php -r \'echo base64_decode("aGk=");\'',
  "lua -e 'print(string.char(65))'",
  "python3 -c \"import json,subprocess; d=json.loads(subprocess.run(['npm','ls','--json'],capture_output=True).stdout); print(d)\"",
];

describe('code that is decoded', () => {
  it.each(DANGEROUS)('running decoded code is critical: %s', (command) => {
    expect(level(command)).toBe('critical');
  });

  it.each(HARMLESS)('only showing decoded code is not critical: %s', (command) => {
    expect(level(command)).not.toBe('critical');
  });
});
