import'./chat-XDKBTBAC.js';import'./chunk-TXJNDIUD.js';
