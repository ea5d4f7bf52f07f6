/* What the test says about this machine: the file that SNAPHOOK_STAND_IN names. */
#pragma once

#include <windows.h>

#include <map>
#include <string>

namespace stand_in {

class Knobs {
   public:
    /* As the file is now. */
    static Knobs read();

    std::wstring text(const std::wstring &key, const wchar_t *otherwise = L"") const;
    DWORD number(const std::wstring &key, DWORD otherwise) const;
    bool yes(const std::wstring &key, bool otherwise) const;
    bool has(const std::wstring &key) const { return values_.count(key) > 0; }
    /* S_OK where there is none. */
    HRESULT result(const std::wstring &key) const;

   private:
    std::map<std::wstring, std::wstring> values_;
};

/* `key.N` */
std::wstring nth(const std::wstring &key, int n);

GUID guid_of(const std::wstring &text);

/* Appends a line to the file that the knob `log` names. */
void note(const std::wstring &line);

}  // namespace stand_in
