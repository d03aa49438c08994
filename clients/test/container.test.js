// The containers of docs/deployment.md and docs/nodes.md, without Docker: the files that contrib/Dockerfile says are made,
// and its command runs on them as its user, with the volumes and the variables of the compose files. What the documents
// say of the containers is done there. See container.sh.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { load } from 'js-yaml'
import { blocks, commands, read, repository } from './blocks.js'

const run = promisify(execFile)
const binary = process.env.CADDY ?? path.join(repository, 'build/caddy')
const asRoot = (words, options) => run('env', [...(process.getuid() === 0 ? [] : ['sudo', '-n']), ...words], options)
const list = (words) => `(${words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')})`

// image makes the files of the Dockerfile's last stage in folder/image, and returns what else that says.
async function image(folder) {
  const text = (await read('contrib/Dockerfile')).replace(/\\\n/g, '')
  assert.match(text, /^FROM scratch$/m)
  const [build, last] = text.split(/^FROM .*$/m).slice(1).map((stage) => [...stage.matchAll(/^([A-Z]+) (.*)$/gm)].map(([, name, rest]) => ({ name, rest })))
  assert.deepEqual([...new Set(last.map(({ name }) => name))], ['COPY', 'ENV', 'USER', 'EXPOSE', 'VOLUME', 'ENTRYPOINT', 'CMD'])
  const all = (name, of = last) => of.filter((one) => one.name === name).map(({ rest }) => rest)

  // The first stage builds as make caddy does. What it does then is done here, with another /out.
  const out = path.join(folder, 'out-of-build')
  await mkdir(out)
  const [modules, built, ...more] = all('RUN', build)
  assert.deepEqual([modules, built], ['go mod download', 'contrib/build /out/caddy'])
  await copyFile(binary, path.join(out, 'caddy'))
  for (const step of more) await run('bash', ['-ec', step.replaceAll('/out', out)])
  const root = path.join(folder, 'image')
  for (const copy of all('COPY')) {
    const [, owner, from, to] = /^--from=build (?:--chown=(\S+) )?\/out(\S+) (\S+)$/.exec(copy)
    await run('mkdir', ['-p', path.dirname(root + to)])
    await run('cp', ['-r', out + from, root + to])
    if (owner) await asRoot(['chown', '-R', owner, root + to])
  }
  const [command, args] = [...all('ENTRYPOINT'), ...all('CMD')].map((words) => JSON.parse(words))
  return { root, environment: all('ENV')[0].split(' '), user: all('USER')[0], ports: all('EXPOSE')[0].split(' '), volume: all('VOLUME')[0], command: [command, args].flat() }
}

// follow runs the steps that prepare returns, in a folder with the image.
async function follow(t, prepare) {
  if (await asRoot(['unshare', '--mount', '--pid', '--net', '--fork', 'ip', 'link', 'add', 'bridge', 'type', 'bridge']).then(() => false, () => true)) return t.skip('this needs root, and namespaces')
  const folder = await mkdtemp(path.join(tmpdir(), 'caddy-chat-container-'))
  t.after(() => asRoot(['rm', '-rf', folder]))
  await chmod(folder, 0o755)
  const made = await image(folder)
  const steps = await prepare(folder, made)
  // These variables every container of Docker has.
  await writeFile(path.join(folder, 'steps'), `environment=${list(['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/', ...made.environment])}
user=${made.user}
command=${list(made.command)}
set -x
${steps}`)
  await asRoot(['bash', path.join(repository, 'clients/test/container.sh'), folder], { timeout: 300_000, killSignal: 'SIGKILL' }).catch(async (err) => {
    const names = (await readdir(folder)).filter((name) => /^out$|\.log$/.test(name))
    const texts = await Promise.all(names.map(async (name) => `${name}:\n${(await readFile(path.join(folder, name), 'utf8')).split('\n').slice(-25).join('\n')}`))
    assert.fail(`${err.message}\n${texts.join('\n')}`)
  })
}

// section returns a section of a document, and its compose file.
async function section(file, heading) {
  const [, text] = new RegExp(`^## ${heading}\\n([^]*?)^## `, 'm').exec(await read(file))
  const { code } = blocks(file, text).find(({ language }) => language === 'yaml')
  return { text, code, ...load(code) }
}

// saveConf writes the Caddyfile into the folder that a compose file mounts. Certificates come from Caddy itself.
async function saveConf(folder, mount, caddyfile, { command }) {
  const [conf, at, mode] = mount.split(':')
  assert.equal(mode, 'ro')
  assert.equal(path.dirname(command.at(-1)), at)
  await mkdir(path.join(folder, conf))
  await writeFile(path.join(folder, conf, path.basename(command.at(-1))), `{\n\tlocal_certs\n\tskip_install_trust\n}\n\n${caddyfile}`)
  return `"$folder/${path.basename(conf)}" ${at}`
}

const caddyfileOf = async (file, heading) => new RegExp(`^## ${heading}\\n[^]*?^\`\`\`caddyfile\\n([^]*?)^\`\`\``, 'm').exec(await read(file))[1]
const isHere = { build: { context: '.', dockerfile: 'contrib/Dockerfile' } }

test('docs/deployment.md, a container: it serves, takes the commands, writes to its volume alone, and stops', async (t) => {
  const { text, services: { chat, ...others }, volumes } = await section('docs/deployment.md', 'A container')
  await follow(t, async (folder, made) => {
    assert.deepEqual(others, {})
    assert.deepEqual(chat.build, isHere.build)
    assert.deepEqual(chat.ports.map((port) => port.replace(/^(\d+):\1/, '$1')), made.ports)
    const [conf, data] = chat.volumes
    assert.deepEqual(data.split(':'), [Object.keys(volumes)[0], made.volume])
    const files = await readdir(made.root, { recursive: true, withFileTypes: true })
    assert.deepEqual(files.filter((one) => !one.isDirectory()).map(({ name }) => name).sort(), ['ca-certificates.crt', 'caddy'], 'the binary and nothing else')
    assert.ok(text.includes(`user and group ${made.user.split(':')[0]}`) && text.includes(`\`chown ${made.user} data\``))
    const [rooms, reload, ...more] = [...text.matchAll(/`docker exec <container> ([^`]+)`/g)].map(([, command]) => command)
    assert.ok(reload && !more.length)
    const listens = made.ports.map((port) => port.split('/')).map(([port, protocol = 'tcp']) => `${protocol} ${port}`).sort().join('\n')
    const mount = await saveConf(folder, conf, await caddyfileOf('docs/deployment.md', 'systemd'), made)
    return `
variables=${list(Object.keys(chat.environment).map((name) => `${name}=of-the-environment`))}
container chat 10.9.0.2 "$folder/data" ${mount}
pid=\${pids[chat]}
get() { curl -fsS --cacert "$folder/data/caddy/pki/authorities/local/root.crt" --resolve chat.example.com:443:10.9.0.2 "$@"; }
for i in {1..300}; do get https://chat.example.com/chat/health && break; sleep 0.1; done
get https://chat.example.com/chat/health
[[ $(nsenter --target $pid --net ss -Hlntu | awk '{print $1, $5}' | grep -v 127.0.0.1 | sed 's/ .*:/ /' | sort -u) == ${list([listens]).slice(1, -1)} ]]
grep -E '^Uid:\\s+${made.user.split(':')[0]}\\s' /proc/$pid/status
grep -E '^Gid:\\s+${made.user.split(':')[1]}\\s' /proc/$pid/status
grep -z WECHAT_SECRET=of-the-environment /proc/$pid/environ
# Somebody is in a room. An editor replaces the file, and a reload takes it and keeps the connection.
socket=(-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==')
get -N --http1.1 "\${socket[@]}" 'https://chat.example.com/chat?room=tea' &
for i in {1..100}; do inside chat ${rooms} | grep tea && break; sleep 0.1; done
sed 's/ui on/ui on\\n\\t\\tmax_connections 7/' "$folder/conf/Caddyfile" > "$folder/new"
mv "$folder/new" "$folder/conf/Caddyfile"
inside chat ${reload}
nsenter --target $pid --net curl -fsS localhost:2019/config/ | grep '"max_connections":7'
inside chat ${rooms} | grep tea
# A backup goes below /data, and nowhere else.
inside chat caddy chat backup /data/backup-1
[[ -d $folder/data/backup-1 ]]
for other in /backup-1 /etc/caddy/backup-1 /usr/backup-1 /etc/ssl/backup-1; do if inside chat caddy chat backup $other; then exit 1; fi; done
# It stops, and another one goes on with its certificates and its journal.
before=$(sha256sum < "$folder/data/caddy/pki/authorities/local/root.crt")
SECONDS=0
kill $pid
wait $pid || true
(( SECONDS <= 5 ))
[[ -d $folder/data/caddy/chat/default ]]
rm -rf "$folder/chat"
container chat 10.9.0.2 "$folder/data" ${mount}
for i in {1..300}; do get https://chat.example.com/chat/health && break; sleep 0.1; done
get https://chat.example.com/chat/health
[[ $(sha256sum < "$folder/data/caddy/pki/authorities/local/root.crt") == "$before" ]]
`
  })
})

test('docs/nodes.md, three nodes with compose: they wait for the database, are one chat, and go on without one of them', async (t) => {
  const { text, code, volumes } = await section('docs/nodes.md', 'Three nodes with compose')
  await follow(t, async (folder, made) => {
    const [env, up, ...more] = blocks('docs/nodes.md', text).filter(({ language }) => language === 'indented').flatMap(({ code: lines }) => commands(lines))
    assert.deepEqual([up, more], ['docker compose up -d', []])
    await run('bash', ['-ec', env], { cwd: folder })
    const [, password] = /^CHAT_PASSWORD=(\w+)$/m.exec(await readFile(path.join(folder, '.env'), 'utf8'))
    const { services: { db, chat, ...others } } = load(code.replaceAll('${CHAT_PASSWORD}', password))
    assert.deepEqual(others, {})
    assert.deepEqual([chat.build, chat.ports], [isHere.build, undefined])
    assert.ok(Number(db.image.replace('postgres:', '')) >= 15)
    const [conf, shared] = chat.volumes
    assert.equal(shared.split(':')[1], made.volume)
    assert.deepEqual([db.volumes[0], shared].map((volume) => volume.split(':')[0]), Object.keys(volumes))
    const mount = await saveConf(folder, conf, await caddyfileOf('docs/nodes.md', 'A first node'), made)
    const names = Array.from({ length: chat.deploy.replicas }, (_, i) => `chat${i + 1}`)
    const { POSTGRES_USER: owner, POSTGRES_DB: name, POSTGRES_PASSWORD: secret } = db.environment
    assert.equal(chat.environment.CHAT_DSN, `postgres://${owner}:${secret}@db/${name}`)
    return `
variables=${list(Object.entries(chat.environment).map((entry) => entry.join('=')))}
nodes=${list(names)}
for i in "\${!nodes[@]}"; do container "\${nodes[i]}" 10.9.0.$((11 + i)) "$folder/shared" ${mount}; done
says() { for i in {1..300}; do grep -q "$2" "$folder/$1.log" && return; sleep 0.1; done; return 1; }
for node in "\${nodes[@]}"; do says $node 'chat is closed'; done

# The database, as its image makes it of these variables.
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -n 1)
mkdir "$folder/db"
printf %s '${secret}' > "$folder/password"
chown -R postgres: "$folder/db" "$folder/password"
as() { runuser -u postgres -- env PATH="$PATH" "$@"; }
as initdb --pgdata="$folder/db" --username=${owner} --pwfile="$folder/password" --auth-local=trust --auth-host=scram-sha-256
echo 'host all all all scram-sha-256' >> "$folder/db/pg_hba.conf"
as pg_ctl --pgdata="$folder/db" --options="-c listen_addresses=10.9.0.1 -k $folder/db" --log="$folder/db/log" start
[[ ${name} == postgres ]] || as createdb --host="$folder/db" --username=${owner} ${name}

for node in "\${nodes[@]}"; do says $node 'chat is open'; done
shows() { for i in {1..100}; do inside $1 caddy chat history tea 2> /dev/null | grep -q "$2" && return; sleep 0.1; done; return 1; }
inside chat1 caddy chat announce --create tea 'from the first'
shows chat3 'from the first'
for i in "\${!nodes[@]}"; do curl -fksS --resolve chat.example.com:443:10.9.0.$((11 + i)) https://chat.example.com/chat/health; done
kill -KILL \${pids[chat1]}
inside chat2 caddy chat announce --create tea 'without the first'
shows chat3 'without the first'
as pg_ctl --pgdata="$folder/db" --mode=immediate stop
`
  })
})
