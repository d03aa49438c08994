export { default } from './en.json?first'
