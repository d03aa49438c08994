// What the examples use of their hosts and frameworks, for the test that checks their types
// without installing them. `make examples` builds them with the frameworks themselves.

interface Host {
  getStorageSync(key: string): any
  setStorageSync(key: string, value: unknown): void
  setNavigationBarTitle(options: { title: string }): void
  navigateTo(options: { url: string }): void
  showToast(options: { title: string; icon: 'none' }): void
}

interface Answer {
  statusCode: number
  data: any
}

interface Post {
  url: string
  method: 'POST'
  data: object
}

interface Callbacks<Result> {
  success(result: Result): void
  fail(reason: unknown): void
}

declare const wx: Host & {
  getAppBaseInfo(): { language: string }
  login(): Promise<{ code: string }>
  request(options: Post & Callbacks<Answer>): void
}

declare const uni: Host & {
  getLocale(): string
  login(options: Callbacks<{ code: string }>): void
  request(options: Post & Callbacks<Answer>): void
}

interface Page {
  setData(changes: Record<string, unknown>): void
  selectComponent(selector: string): any
  [name: string]: any
}
declare function Page<Options extends object>(options: Options & ThisType<Page & Options>): void
declare function App<Options extends object>(options: Options & ThisType<Options>): void

declare module '@dcloudio/uni-app' {
  export function onLaunch(run: () => void): void
  export function onLoad(run: (query?: Record<string, string | undefined>) => void): void
}

declare module '@tarojs/taro' {
  const Taro: Host & {
    getAppBaseInfo(): { language: string }
    nextTick(run: () => void): void
    login(): Promise<{ code: string }>
    request(options: Post): Promise<Answer>
  }
  export default Taro
  export function useLaunch(run: () => void): void
  export function useRouter<Params>(): { params: Partial<Params> }
}

declare module '@tarojs/components' {
  import type { FC, PropsWithChildren } from 'react'
  type Common = PropsWithChildren<{ id?: string; className?: string; onClick?: () => void }>
  export const View: FC<Common>
  export const Text: FC<Common>
  export const Button: FC<Common & { size?: 'mini' }>
  export const ScrollView: FC<Common & { scrollY?: boolean; scrollIntoView?: string; onScrollToUpper?: () => void }>
  export const Input: FC<Common & { value: string; confirmType?: 'send'; confirmHold?: boolean; onInput: (event: { detail: { value: string } }) => void; onConfirm: () => void }>
}
