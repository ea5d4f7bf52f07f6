// Under Wine in the place of powershell.exe: passes its words and its input on to the lab's machine, and what that answers back.
const socket = require('node:net').connect(Number(process.env.SNAPHOOK_POWERSHELL_PORT), '127.0.0.1');
socket.write(`${JSON.stringify(process.argv.slice(2))}\n`);
process.stdin.pipe(socket);
socket.pipe(process.stdout);
socket.on('error', () => process.exit(1));
socket.on('close', () => process.exit(0));
