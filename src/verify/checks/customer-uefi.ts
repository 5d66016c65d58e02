import type { GuestCheck } from '../types.ts';
import { customer } from './customer.ts';

export const customerUefi: GuestCheck = {
  ...customer,
  name: 'customer-uefi',
  protects: 'It is so where a cloud has UEFI too, where other boot loaders are upgraded, at another place.',
  boot: 'uefi',
};
