export { default } from './zh.json?first'
