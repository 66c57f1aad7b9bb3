// A software TPM in the test's own folder, and Microsoft's tss.js joined to it by its socket.
'use strict';
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { Tpm } = require('tss.js');

async function start(name) {
  const folder = path.join(process.env.D2D_DATA, name);
  const socket = path.join(folder, 'chip');
  fs.mkdirSync(folder);
  const program = spawn('swtpm', ['socket', '--tpm2', '--tpmstate', `dir=${folder},mode=0600`,
    '--server', `type=unixio,path=${socket},disconnect=no`, '--ctrl', `type=unixio,path=${socket}.ctrl`,
    '--flags', 'not-need-init,startup-clear'], { stdio: 'ignore' });
  const gone = new Promise((resolve) => program.once('exit', resolve));
  for (let i = 0; !fs.existsSync(socket); i++) {
    if (i === 1000) throw new Error('swtpm does not start');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return {
    tcti: `swtpm:path=${socket}`,
    tpm: () => Object.assign(new Tpm(false), { device: new Device(socket) }),
    async stop() {
      program.kill();
      await gone;
    },
  };
}

// What tss.js calls a device. Each command has a connection of its own, for swtpm hears one at a time; the answer says its
// length behind its first two bytes.
class Device {
  constructor(address) {
    this.address = address;
  }
  connect(done) {
    setImmediate(done, null);
    return null;
  }
  dispatchCommand(command, done) {
    const socket = net.connect(this.address, () => socket.write(command));
    let heard = Buffer.alloc(0);
    socket.on('error', (error) => done(error));
    socket.on('data', (part) => {
      heard = Buffer.concat([heard, part]);
      if (heard.length < 6 || heard.length < heard.readUInt32BE(2)) return;
      socket.destroy();
      done(null, heard);
    });
  }
  close() {}
}

module.exports = { start };
