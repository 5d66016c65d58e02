// Started by qemu.test.ts, which kills it: boots a guest, says what it made, and waits.
import { bootQemu } from '../../src/boot/qemu.ts';
import { createContext } from '../../src/host/context.ts';
import { emptyDisk } from './guest.ts';

const [directory = ''] = process.argv.slice(2);
await bootQemu(await emptyDisk(createContext(), directory));
process.stdout.write('booted\n');
await new Promise(() => setInterval(() => {}, 1000));
